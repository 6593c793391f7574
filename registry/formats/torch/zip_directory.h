#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// A stored (not compressed) member of a zip archive.
struct ZipMember {
  std::string_view name;    ///< a view into the ZipDirectory
  std::uint64_t begin = 0;  ///< its first byte in the file
  std::uint64_t size = 0;
};

/// The directory of a zip archive that has nothing to hide: every byte of the file is a member's, a header's
/// or the directory's; every local header says what the directory says; no name twice; nothing compressed or
/// encrypted. Move-only: members view names in it.
class ZipDirectory {
 public:
  /// Reads the end records, the directory (at most 100 MB) and each local header; zip64 too. CRC-32 is not
  /// judged. Takes memory of 3 times the directory. Throws Error(bad_input) with the offset.
  explicit ZipDirectory(const ByteSource& source);
  ZipDirectory(ZipDirectory&&) noexcept = default;
  ZipDirectory& operator=(ZipDirectory&&) noexcept = default;

  const std::vector<ZipMember>& members() const noexcept { return members_; }  ///< ordered by name
  const ZipMember* find(std::string_view name) const noexcept;                 ///< null: none
  std::uint64_t header_bytes() const noexcept {
    return header_bytes_;
  }  ///< end records, directory, local headers

 private:
  std::vector<char> text_;
  std::vector<ZipMember> members_;
  std::uint64_t header_bytes_ = 0;
};

}  // namespace ditmill::registry
