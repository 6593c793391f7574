#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "jobs/results/files/durable.h"

namespace ditmill::jobs::results {

/// Writes a tar file (POSIX.1-2001: ustar headers, PAX ones for names of over 100 bytes) whose bytes follow
/// from its members alone: mode 0644, owner 0, time 0. It has its name, durably, once finish() returns.
/// Throws Error: io, no_space.
class TarWriter {
 public:
  explicit TarWriter(std::string path);
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;
  ~TarWriter();  ///< removes what is not finished

  /// What a member takes in the file.
  static std::uint64_t bytes_of(std::string_view name, std::uint64_t size);

  std::uint64_t size() const noexcept { return size_; }
  /// Begins a member; write() must then give exactly `size` bytes before the next. Throws Error(internal) if
  /// it did not.
  void begin(std::string_view name, std::uint64_t size);
  void write(std::span<const std::byte> bytes);
  void add(std::string_view name, std::string_view bytes);
  /// Closes the archive and gives the file its name.
  void finish();

 private:
  void append(std::string_view bytes);
  void require_whole_member() const;

  std::string path_;
  std::string temp_;
  durable::File file_;
  std::uint64_t size_ = 0;
  std::uint64_t left_ = 0;  ///< of the member
  bool finished_ = false;
};

}  // namespace ditmill::jobs::results
