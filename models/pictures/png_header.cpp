#include "models/pictures/png_header.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "models/pictures/exif.h"
#include "models/pictures/png_text.h"

namespace ditmill::models::pictures {
namespace {

constexpr std::uint64_t signature_bytes = 8;
constexpr std::uint64_t frame_bytes = 12;  ///< length, name and checksum of a chunk
constexpr std::uint64_t longest_chunk = 0x7fffffff;
constexpr std::uint64_t header_length = 13;

struct Chunk {
  std::uint64_t at = 0;  ///< of its length
  std::uint64_t length = 0;
  std::string name = {};
};

Chunk next_chunk(HeaderBytes& bytes, std::uint64_t at) {
  const auto head = bytes.at(at, 8, "a chunk of a PNG");
  Chunk chunk{at, big_endian(head.first(4)), std::string(text_of(head.subspan(4)))};
  const bool named = std::ranges::all_of(
      chunk.name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  if (!named) bytes.refuse(at + 4, "the name of a chunk, four letters", "'" + printable(chunk.name) + "'");
  if (chunk.length > longest_chunk) {
    bytes.refuse(at, "a chunk of at most " + std::to_string(longest_chunk) + " bytes",
                 std::to_string(chunk.length));
  }
  if (chunk.length + frame_bytes > bytes.size() - at) {
    bytes.refuse(at, chunk.name + " of " + std::to_string(chunk.length) + " bytes and a checksum",
                 "the end of the file, after " + std::to_string(bytes.size() - at - 8));
  }
  return chunk;
}

/// A chunk's content, until the next call; its checksum must fit.
std::span<const std::byte> content_of(HeaderBytes& bytes, const Chunk& chunk) {
  const auto all = bytes.at(chunk.at + 4, chunk.length + 8, chunk.name);
  const auto checked = all.first(chunk.length + 4);
  const auto found =
      ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  if (big_endian(all.last(4)) != found) {
    bytes.refuse(chunk.at, "the checksum of " + chunk.name, "another: the file is damaged");
  }
  return checked.subspan(4);
}

bool is_depth_of(std::uint64_t depth, std::uint64_t colours) {
  switch (colours) {
    case 0:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case 3:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case 2:
    case 4:
    case 6:
      return depth == 8 || depth == 16;
    default:
      return false;
  }
}

StoredPicture read_size(HeaderBytes& bytes) {
  const Chunk chunk = next_chunk(bytes, signature_bytes);
  if (chunk.name != "IHDR" || chunk.length != header_length) {
    bytes.refuse(chunk.at, "IHDR of 13 bytes, with which a PNG begins",
                 chunk.name + " of " + std::to_string(chunk.length));
  }
  const auto header = content_of(bytes, chunk);
  const std::uint64_t width = big_endian(header.first(4));
  const std::uint64_t height = big_endian(header.subspan(4, 4));
  const auto value = [&](std::size_t at) { return std::to_integer<unsigned>(header[at]); };
  const unsigned depth = value(8);
  const unsigned colours = value(9);
  const unsigned methods = value(10) | value(11) | (value(12) & ~1U);
  if (!is_depth_of(depth, colours) || methods != 0) {
    bytes.refuse(chunk.at + 16, "a depth, colours and methods that PNG has",
                 std::to_string(depth) + " bits, colours " + std::to_string(colours) +
                     (methods != 0 ? ", unknown methods" : ""));
  }
  return stored_size(bytes, chunk.at + 8, width, height);
}

}  // namespace

StoredPicture read_png_header(HeaderBytes& bytes) {
  StoredPicture stored = read_size(bytes);
  PngTexts texts;
  bool pixels = false;
  Chunk chunk{.at = signature_bytes, .length = header_length};
  do {
    chunk = next_chunk(bytes, chunk.at + chunk.length + frame_bytes);
    if (chunk.name == "IDAT") pixels = true;
    if (chunk.name == "acTL" && !pixels) {
      bytes.refuse(chunk.at, "a still picture", "an animated PNG", "take one of its frames, as PNG");
    }
    if (PngTexts::reads(chunk.name) && chunk.length <= max_metadata_bytes) {
      texts.take(chunk.name, content_of(bytes, chunk));
    }
  } while (chunk.name != "IEND");
  if (!pixels) bytes.refuse(chunk.at, "IDAT, the pixels, before the end", "none");
  stored.orientation = orientation_of(texts.exif(), texts.xmp());
  return stored;
}

}  // namespace ditmill::models::pictures
