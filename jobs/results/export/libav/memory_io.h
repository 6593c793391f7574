#pragma once

#include <cstdint>
#include <vector>

#include "jobs/results/export/libav/handles.h"

namespace ditmill::jobs::results::libav {

/// A file in memory as libav reads and writes it. Several may look at the same bytes.
class MemoryIo {
 public:
  enum class Access { read, write };

  /// `bytes` outlives it.
  MemoryIo(std::vector<std::uint8_t>& bytes, Access access);
  MemoryIo(const MemoryIo&) = delete;
  MemoryIo& operator=(const MemoryIo&) = delete;
  ~MemoryIo();

  AVIOContext* get() const noexcept { return context_; }

 private:
  int read(std::uint8_t* out, int size) noexcept;
  int write(const std::uint8_t* data, int size) noexcept;
  std::int64_t seek(std::int64_t offset, int whence) noexcept;

  std::vector<std::uint8_t>& bytes_;
  std::size_t at_ = 0;
  AVIOContext* context_;
};

}  // namespace ditmill::jobs::results::libav
