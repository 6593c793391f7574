#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// Throws the Error(usage) for something to write whose path is taken.
void refuse_existing(const std::string& path);

/// A file while it is written, under a temporary name beside its own: it is there whole, or not at all.
class NewFile {
 public:
  /// Throws Error: usage if the path is taken, not_found, no_space, io.
  explicit NewFile(std::string path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();  ///< removes what is not published

  /// Appends. Throws Error: no_space, io.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span{text})); }
  /// Appends zeros as a hole, which takes no space.
  void skip(std::uint64_t bytes) { size_ += bytes; }
  /// Writes over bytes that are there. Throws Error: no_space, io.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  std::uint64_t size() const noexcept { return size_; }
  const std::string& path() const noexcept { return path_; }

  /// fsync, rename, fsync of the folder. Throws Error: no_space, io.
  void publish();

 private:
  std::string path_;
  std::string temporary_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace ditmill::registry
