#include "models/pictures/picture_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "registry/formats/looks_like.h"

namespace ditmill::models::pictures {
namespace {

using namespace std::string_view_literals;

/// Bytes of a file's begin that tell what it is; an SVG may have comments before.
constexpr std::uint64_t begin_bytes = 1024;

constexpr std::string_view taken = "a PNG, JPEG or WebP picture";
constexpr std::string_view picture_hint = "save it as PNG";
constexpr std::string_view video_hint = "take one of its frames, as PNG: a clip is no picture";

struct Kind {
  std::string_view begins;
  std::string_view name;
  std::string_view hint = picture_hint;
};

constexpr std::array kinds{
    Kind{"GIF87a"sv, "a GIF"sv},
    Kind{"GIF89a"sv, "a GIF"sv},
    Kind{"BM"sv, "a BMP picture"sv},
    Kind{"II\x2a\0"sv, "a TIFF picture"sv},
    Kind{"MM\0\x2a"sv, "a TIFF picture"sv},
    Kind{"II\x2b\0"sv, "a BigTIFF picture"sv},
    Kind{"MM\0\x2b"sv, "a BigTIFF picture"sv},
    Kind{"\xff\x0a"sv, "a JPEG XL picture"sv},
    Kind{"\0\0\0\x0cJXL \r\n\x87\n"sv, "a JPEG XL picture"sv},
    Kind{"\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"sv},
    Kind{"\0\0\0\x0cjP  \r\n\x87\n"sv, "a JPEG 2000 picture"sv},
    Kind{"8BPS"sv, "a Photoshop file"sv},
    Kind{"\0\0\1\0"sv, "an icon"sv},
    Kind{"\x76\x2f\x31\x01"sv, "an OpenEXR picture"sv},
    Kind{"#?RADIANCE"sv, "a Radiance HDR picture"sv},
    Kind{"%PDF-"sv, "a PDF"sv, "save its page as PNG"sv},
    Kind{"%!PS"sv, "PostScript"sv, "save its page as PNG"sv},
    Kind{"\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video"sv, video_hint},
    Kind{"OggS"sv, "an Ogg file"sv, video_hint},
    Kind{"FLV\1"sv, "a Flash video"sv, video_hint},
    Kind{"\0\0\1\xba"sv, "an MPEG video"sv, video_hint},
    Kind{"\0\0\1\xb3"sv, "an MPEG video"sv, video_hint},
    // What a transfer as text makes of a PNG, and the first bytes of one.
    Kind{"\x89PNG"sv, "a PNG whose first bytes a transfer as text has changed"sv,
         "fetch it again, as binary"sv},
};

/// Brands of ISO base media files whose content is a picture.
constexpr std::array brands{
    Kind{"avif"sv, "an AVIF picture"sv},      Kind{"avis"sv, "an AVIF animation"sv},
    Kind{"heic"sv, "a HEIC picture"sv},       Kind{"heix"sv, "a HEIC picture"sv},
    Kind{"heim"sv, "a HEIC picture"sv},       Kind{"heis"sv, "a HEIC picture"sv},
    Kind{"hevc"sv, "a HEIC animation"sv},     Kind{"hevx"sv, "a HEIC animation"sv},
    Kind{"mif1"sv, "a HEIF picture"sv},       Kind{"msf1"sv, "a HEIF animation"sv},
    Kind{"crx "sv, "a raw photo of Canon"sv},
};

constexpr std::string_view png_begin = "\x89PNG\r\n\x1a\n"sv;
constexpr std::string_view jpeg_begin = "\xff\xd8\xff"sv;

bool is_svg(std::string_view begin) {
  if (begin.starts_with("\xef\xbb\xbf")) begin.remove_prefix(3);
  begin.remove_prefix(std::min(begin.find_first_not_of(" \t\r\n"), begin.size()));
  return begin.starts_with('<') && begin.find("<svg") != std::string_view::npos;
}

/// What the bytes are, of what is not taken; an empty name where that is not known.
Kind other_kind(std::string_view begin) {
  for (const Kind& kind : kinds) {
    if (begin.starts_with(kind.begins)) return kind;
  }
  if (begin.size() >= 12 && begin.substr(4, 4) == "ftyp") {
    for (const Kind& brand : brands) {
      if (begin.substr(8, 4) == brand.begins) return brand;
    }
    return {{}, "an MP4 or QuickTime video", video_hint};
  }
  if (begin.starts_with("RIFF") && begin.size() >= 12) {
    if (begin.substr(8, 4) == "AVI ") return {{}, "an AVI video", video_hint};
    return {{}, "a RIFF file that is no WebP", {}};
  }
  if (is_svg(begin)) return {{}, "an SVG drawing", picture_hint};
  return {};
}

}  // namespace

PictureFormat format_of(HeaderBytes& bytes) {
  if (bytes.size() == 0) bytes.refuse(0, std::string(taken), "an empty file");
  if (bytes.size() > max_file_bytes) {
    bytes.refuse(0, "at most " + std::to_string(max_file_bytes) + " bytes",
                 std::to_string(bytes.size()) + " bytes", "save it smaller");
  }
  const std::string_view begin =
      text_of(bytes.at(0, std::min(bytes.size(), begin_bytes), "the begin of a picture"));
  if (begin.starts_with(png_begin)) return PictureFormat::png;
  if (begin.starts_with(jpeg_begin)) return PictureFormat::jpeg;
  if (begin.starts_with("RIFF") && begin.size() >= 12 && begin.substr(8, 4) == "WEBP") {
    return PictureFormat::webp;
  }
  if (png_begin.starts_with(begin) || jpeg_begin.starts_with(begin) ||
      (begin.starts_with("RIFF") && begin.size() < 12)) {
    bytes.refuse(begin.size(), std::string(taken),
                 "the end of the file, after " + std::to_string(begin.size()) + " bytes");
  }
  const Kind kind = other_kind(begin);
  if (!kind.name.empty()) bytes.refuse(0, std::string(taken), std::string(kind.name), std::string(kind.hint));
  bytes.refuse(0, std::string(taken), "none of them: '" + printable(begin.substr(0, 16)) + "'",
               registry::looks_like_failed_download(bytes.source()));
}

}  // namespace ditmill::models::pictures
