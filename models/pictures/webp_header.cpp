#include "models/pictures/webp_header.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "models/pictures/exif.h"

namespace ditmill::models::pictures {
namespace {

constexpr std::uint64_t riff_bytes = 12;  ///< RIFF, size, WEBP
constexpr std::uint64_t head_bytes = 8;   ///< name and length of a chunk

// Flags of an extended header.
constexpr std::uint64_t has_animation = 0x02;
constexpr std::uint64_t has_xmp = 0x04;
constexpr std::uint64_t has_exif = 0x08;

struct RiffChunk {
  std::uint64_t at = 0;  ///< of its content
  std::uint64_t length = 0;
  std::string name = {};
};

/// A chunk that must end before `end`.
RiffChunk riff_chunk(HeaderBytes& bytes, std::uint64_t at, std::uint64_t end) {
  const auto head = bytes.at(at, head_bytes, "a chunk of a WebP");
  RiffChunk chunk{.at = at + head_bytes, .name = std::string(text_of(head.first(4)))};
  chunk.length = bytes.little_endian_at(at + 4, 4, "a chunk of a WebP");
  if (chunk.at > end || chunk.length > end - chunk.at) {
    bytes.refuse(at, "a chunk that ends within its WebP, at byte " + std::to_string(end),
                 "'" + printable(chunk.name) + "' of " + std::to_string(chunk.length) + " bytes");
  }
  return chunk;
}

[[noreturn]] void refuse_bits(const HeaderBytes& bytes, const RiffChunk& chunk) {
  bytes.refuse(chunk.at, "the begin of a picture in " + chunk.name, "something else");
}

/// RFC 6386, 9.1: a key frame's tag, start code, and sides of 14 bits.
StoredPicture lossy_size(HeaderBytes& bytes, const RiffChunk& chunk) {
  constexpr std::size_t header_bytes = 10;
  if (chunk.length < header_bytes) refuse_bits(bytes, chunk);
  const auto header = bytes.at(chunk.at, header_bytes, "the header of a lossy WebP");
  const bool key_frame = (std::to_integer<unsigned>(header[0]) & 1U) == 0;
  if (!key_frame || big_endian(header.subspan(3, 3)) != 0x9d012a) refuse_bits(bytes, chunk);
  return stored_size(bytes, chunk.at + 6, bytes.little_endian_at(chunk.at + 6, 2, "a width") & 0x3fff,
                     bytes.little_endian_at(chunk.at + 8, 2, "a height") & 0x3fff);
}

/// RFC 9649, 3.4: a signature, and sides of 14 bits, each less 1.
StoredPicture lossless_size(HeaderBytes& bytes, const RiffChunk& chunk) {
  constexpr std::size_t header_bytes = 5;
  if (chunk.length < header_bytes) refuse_bits(bytes, chunk);
  if (bytes.big_endian_at(chunk.at, 1, "the signature of a lossless WebP") != 0x2f) refuse_bits(bytes, chunk);
  const std::uint64_t sides = bytes.little_endian_at(chunk.at + 1, 4, "the sides of a lossless WebP");
  return stored_size(bytes, chunk.at + 1, (sides & 0x3fff) + 1, ((sides >> 14) & 0x3fff) + 1);
}

/// The flags of an extended header, whose canvas has to be that large.
struct Extended {
  std::uint64_t flags = 0;
  StoredPicture canvas = {};
};

Extended read_extended(HeaderBytes& bytes, const RiffChunk& chunk) {
  constexpr std::uint64_t length = 10;
  if (chunk.length < length) {
    bytes.refuse(chunk.at, "VP8X of 10 bytes", std::to_string(chunk.length));
  }
  Extended extended{.flags = bytes.little_endian_at(chunk.at, 1, "the flags of a WebP")};
  if ((extended.flags & has_animation) != 0) {
    bytes.refuse(chunk.at, "a still picture", "an animated WebP", "take one of its frames, as PNG");
  }
  extended.canvas =
      stored_size(bytes, chunk.at + 4, bytes.little_endian_at(chunk.at + 4, 3, "the canvas of a WebP") + 1,
                  bytes.little_endian_at(chunk.at + 7, 3, "the canvas of a WebP") + 1);
  return extended;
}

/// The content of metadata; empty where it is too long.
std::vector<std::byte> metadata(HeaderBytes& bytes, const RiffChunk& chunk) {
  if (chunk.length > max_metadata_bytes) return {};
  const auto content = bytes.at(chunk.at, chunk.length, chunk.name);
  return {content.begin(), content.end()};
}

}  // namespace

StoredPicture read_webp_header(HeaderBytes& bytes) {
  const std::uint64_t size = bytes.little_endian_at(4, 4, "the size of a WebP");
  const std::uint64_t end = size + head_bytes;
  if (end < riff_bytes + head_bytes || end > bytes.size()) {
    bytes.refuse(4, "a WebP of " + std::to_string(end) + " bytes, as its header says",
                 std::to_string(bytes.size()));
  }
  std::optional<StoredPicture> stored;
  std::optional<Extended> extended;
  std::vector<std::byte> exif;
  std::vector<std::byte> xmp;
  std::optional<std::uint64_t> alpha;  // where the chunk before begins, if it is that
  // A last odd byte is padding.
  for (std::uint64_t at = riff_bytes; at + 1 < end;) {
    const RiffChunk chunk = riff_chunk(bytes, at, end);
    const bool lossy = chunk.name == "VP8 ";
    const bool picture = lossy || chunk.name == "VP8L";
    const bool first = at == riff_bytes;
    if (first && chunk.name == "VP8X") {
      extended = read_extended(bytes, chunk);
    } else if (first && !picture) {
      bytes.refuse(at, "VP8, VP8L or VP8X, with which a WebP begins", "'" + printable(chunk.name) + "'");
    } else if (picture && !stored) {
      stored = lossy ? lossy_size(bytes, chunk) : lossless_size(bytes, chunk);
      stored->begin = alpha.value_or(at);
      stored->end = chunk.at + chunk.length;
    } else if (extended && (extended->flags & has_exif) != 0 && chunk.name == "EXIF" && exif.empty()) {
      exif = metadata(bytes, chunk);
    } else if (extended && (extended->flags & has_xmp) != 0 && chunk.name == "XMP " && xmp.empty()) {
      xmp = metadata(bytes, chunk);
    }
    alpha = chunk.name == "ALPH" ? std::optional(at) : std::nullopt;
    at = chunk.at + chunk.length + chunk.length % 2;
  }
  if (!stored) bytes.refuse(riff_bytes, "a picture in the WebP", "none");
  if (extended && (extended->canvas.width != stored->width || extended->canvas.height != stored->height)) {
    bytes.refuse(riff_bytes + head_bytes + 4, "a canvas as large as the picture in it",
                 std::to_string(extended->canvas.width) + " x " + std::to_string(extended->canvas.height));
  }
  stored->orientation = orientation_of(exif, text_of(xmp));
  return *stored;
}

}  // namespace ditmill::models::pictures
