#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <vector>

#include "models/pictures/header_bytes.h"

namespace ditmill::fuzz {

/// The bytes, of a PNG with checksums that fit its chunks: changes at random would not get past them.
inline std::vector<std::byte> with_checksums(std::span<const std::byte> bytes) {
  std::vector<std::byte> file{bytes.begin(), bytes.end()};
  if (!models::pictures::text_of(file).starts_with("\x89PNG")) return file;
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = models::pictures::big_endian(std::span{file}.subspan(at, 4));
    if (length > file.size() - at - 12) break;
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(file.data() + at + 4), static_cast<uInt>(length + 4));
    at += length + 8;
    for (int shift = 24; shift >= 0; shift -= 8) file[at++] = static_cast<std::byte>(sum >> shift);
  }
  return file;
}

}  // namespace ditmill::fuzz
