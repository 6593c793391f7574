#pragma once

#include <cstdint>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// What the end records of a zip archive say of its directory.
struct ZipEnd {
  std::uint64_t begin = 0;  ///< where the directory begins
  std::uint64_t bytes = 0;  ///< of the directory
  std::uint64_t entries = 0;
  std::uint64_t record_bytes = 0;  ///< of the end records and the comment: the rest of the file
};

/// Finds the end record and, where there is one, that of zip64. Refuses archives of several disks, two
/// records that disagree, an end record inside the comment, anything behind it, and a directory that does not
/// end where the records begin. Throws Error(bad_input) with the offset.
ZipEnd read_zip_end(const ByteSource& source);

}  // namespace ditmill::registry
