#pragma once

#include <cstdint>

#include "models/pictures/header_bytes.h"

namespace ditmill::models::pictures {

/// What a header says of the picture as it is stored.
struct StoredPicture {
  int width = 0;
  int height = 0;
  int orientation = 1;  ///< 1 .. 8
  /// Where the bytes lie that a decoder is given; 0, 0: all.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The longest metadata (EXIF, XMP) that are read, inflated ones as they come out; longer ones are passed
/// over. Those that tell a turn have some kilobytes.
inline constexpr std::size_t max_metadata_bytes = std::size_t{4} << 20;

/// Sides that a header at `offset` says. Refuses 0 and more than max_pixels.
StoredPicture stored_size(const HeaderBytes& bytes, std::uint64_t offset, std::uint64_t width,
                          std::uint64_t height);

}  // namespace ditmill::models::pictures
