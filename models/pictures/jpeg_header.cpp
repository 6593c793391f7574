#include "models/pictures/jpeg_header.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/pictures/exif.h"

namespace ditmill::models::pictures {
namespace {

using namespace std::string_view_literals;

// Markers, ITU-T T.81 table B.1.
constexpr std::uint64_t first_frame = 0xc0;
constexpr std::uint64_t last_frame = 0xcf;
constexpr std::uint64_t huffman_tables = 0xc4;
constexpr std::uint64_t reserved_frame = 0xc8;
constexpr std::uint64_t arithmetic_tables = 0xcc;
constexpr std::uint64_t temporary = 0x01;
constexpr std::uint64_t first_restart = 0xd0;
constexpr std::uint64_t image_start = 0xd8;
constexpr std::uint64_t image_end = 0xd9;
constexpr std::uint64_t scan = 0xda;
constexpr std::uint64_t application_1 = 0xe1;

constexpr auto exif_name = "Exif\0\0"sv;
constexpr auto xmp_name = "http://ns.adobe.com/xap/1.0/\0"sv;

bool is_frame(std::uint64_t marker) {
  return marker >= first_frame && marker <= last_frame && marker != huffman_tables &&
         marker != reserved_frame && marker != arithmetic_tables;
}

/// Whether nothing follows a marker.
bool stands_alone(std::uint64_t marker) {
  return marker == temporary || (marker >= first_restart && marker <= image_end);
}

/// What kind of frame is not taken; empty for those that are.
std::string_view refused_frame(std::uint64_t marker) {
  switch (marker) {
    case 0xc0:
    case 0xc1:
    case 0xc2:
    case 0xc9:
    case 0xca:
      return {};
    case 0xc3:
    case 0xcb:
      return "a lossless JPEG";
    default:
      return "a hierarchical JPEG";
  }
}

struct Segment {
  std::uint64_t marker = 0;
  std::uint64_t at = 0;      ///< of what follows the length
  std::uint64_t length = 0;  ///< of that
};

class Segments {
 public:
  explicit Segments(HeaderBytes& bytes) : bytes_(bytes) {}

  /// The next marker with its segment. Bytes before a marker, and 0xff that fill, are passed over, as
  /// decoders do.
  Segment next() {
    const auto byte = [this] { return bytes_.big_endian_at(at_++, 1, "a marker or a scan of a JPEG"); };
    std::uint64_t marker = 0;
    while (marker == 0) {
      while (byte() != 0xff) {
      }
      do {
        marker = byte();
      } while (marker == 0xff);
    }
    if (stands_alone(marker)) return {marker, at_, 0};
    const std::uint64_t length = bytes_.big_endian_at(at_, 2, "the length of a segment of a JPEG");
    if (length < 2) {
      bytes_.refuse(at_, "a segment's length of at least 2", std::to_string(length));
    }
    const Segment segment{marker, at_ + 2, length - 2};
    at_ += length;
    return segment;
  }

 private:
  HeaderBytes& bytes_;
  std::uint64_t at_ = 2;
};

StoredPicture read_frame(HeaderBytes& bytes, const Segment& segment) {
  if (const std::string_view kind = refused_frame(segment.marker); !kind.empty()) {
    bytes.refuse(segment.at, "a sequential or progressive JPEG", std::string(kind), "save it as PNG");
  }
  const auto frame = bytes.at(segment.at, segment.length, "the frame of a JPEG");
  if (frame.size() < 6) {
    bytes.refuse(segment.at, "a frame of at least 6 bytes", std::to_string(frame.size()));
  }
  const std::uint64_t bits = big_endian(frame.first(1));
  const std::uint64_t height = big_endian(frame.subspan(1, 2));
  const std::uint64_t width = big_endian(frame.subspan(3, 2));
  const std::uint64_t components = big_endian(frame.subspan(5, 1));
  if (bits != 8 || (components != 1 && components != 3 && components != 4)) {
    bytes.refuse(segment.at, "a JPEG of 8 bits and 1, 3 or 4 components",
                 std::to_string(bits) + " bits, " + std::to_string(components) + " components",
                 "save it as PNG");
  }
  return stored_size(bytes, segment.at + 1, width, height);
}

}  // namespace

StoredPicture read_jpeg_header(HeaderBytes& bytes) {
  std::optional<StoredPicture> stored;
  std::vector<std::byte> exif;
  std::string xmp;
  Segments segments(bytes);
  Segment segment;
  while (segment.marker != scan) {
    segment = segments.next();
    if (segment.marker == image_end || segment.marker == image_start) {
      bytes.refuse(segment.at - 1, "a scan of a JPEG", "the end or begin of a picture");
    }
    if (is_frame(segment.marker)) {
      if (stored) bytes.refuse(segment.at, "a JPEG of one frame", "another frame");
      stored = read_frame(bytes, segment);
    } else if (segment.marker == application_1) {
      const auto content = bytes.at(segment.at, segment.length, "a segment of a JPEG");
      if (text_of(content).starts_with(exif_name)) {
        const auto more = content.subspan(exif_name.size());
        if (exif.size() + more.size() <= max_metadata_bytes)
          exif.insert(exif.end(), more.begin(), more.end());
      } else if (text_of(content).starts_with(xmp_name)) {
        xmp = text_of(content.subspan(xmp_name.size()));
      }
    }
  }
  if (!stored) bytes.refuse(segment.at, "a frame, with the picture's size, before its scan", "none");
  stored->orientation = orientation_of(exif, xmp);
  return *stored;
}

}  // namespace ditmill::models::pictures
