#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "registry/byte_source.h"

namespace ditmill::dist {

/// From here on a file counts as cached: what is missing then costs less than a copy of all.
inline constexpr double mostly_cached = 0.98;

/// A file's bytes as the page cache has them, to be read only. Whoever writes to the file in place changes
/// them, and one who cuts it ends the process by SIGBUS when what is gone is read without having been
/// populated.
class FileMap {
 public:
  /// Throws as registry::open_file(), and Error(io).
  static std::shared_ptr<const FileMap> open(const std::string& path);

  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;
  ~FileMap();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Has the pages of a range mapped at once, where they are in the page cache or can be read.
  /// Throws Error(io) for pages that cannot: the file has been cut, or its disk fails; older systems (before
  /// Linux 5.14) do not tell.
  void populate(std::size_t from, std::size_t length) const;
  /// Unmaps the pages that lie wholly in a range: they stay in the page cache, and count for this process no
  /// more until they are looked at again.
  void let_go(std::size_t from, std::size_t length) const noexcept;
  /// How much of the file is in the page cache, 0 to 1, by a sample; 0 where the system does not tell. To ask
  /// leaves that as it is, but for files that are another's and read-only: of these it caches the sample.
  double cached() const;

 private:
  FileMap(std::string path, std::span<const std::byte> bytes, registry::UniqueFd fd) noexcept
      : path_(std::move(path)), bytes_(bytes), fd_(std::move(fd)) {}

  std::uint64_t size_now() const noexcept;
  bool is_there(std::size_t page, bool asks) const noexcept;

  std::string path_;
  std::span<const std::byte> bytes_;
  registry::UniqueFd fd_;
};

/// Whether a path is on a file system of another machine, or on one that behaves so (FUSE): these are read,
/// never mapped.
bool is_remote(const std::string& path);

}  // namespace ditmill::dist
