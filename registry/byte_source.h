#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace ditmill::registry {

/// An open file descriptor; closed when it goes.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// Bytes at offsets: a file, or memory in tests and fuzzers.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& label() const noexcept = 0;  ///< names the source in messages
  virtual std::uint64_t size() const noexcept = 0;
  /// Fills `out` with the bytes from `offset`. Throws Error(io) naming label and offset if they are not
  /// there.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

/// What tells that a file has changed.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileStamp&) const = default;
};

/// The stamp of a regular file (through links); throws as open_file().
FileStamp file_stamp(const std::string& path);
/// Opens a regular file (through links) without ever blocking; throws Error: not_found, bad_input for
/// anything that is no regular file, io.
std::unique_ptr<ByteSource> open_file(const std::string& path);
/// A view of memory that outlives the source.
std::unique_ptr<ByteSource> memory_source(std::string label, std::span<const std::byte> bytes);
/// The bytes of a small file (JSON, YAML); throws as open_file(), and Error(bad_input) if it is over the
/// limit.
std::string read_text(const std::string& path, std::uint64_t limit);

}  // namespace ditmill::registry
