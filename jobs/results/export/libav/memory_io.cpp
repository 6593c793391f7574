#include "jobs/results/export/libav/memory_io.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace ditmill::jobs::results::libav {
namespace {

constexpr int buffer_bytes = 64 << 10;

}  // namespace

MemoryIo::MemoryIo(std::vector<std::uint8_t>& bytes, Access access) : bytes_(bytes) {
  auto* const buffer = static_cast<unsigned char*>(allocated(av_malloc(buffer_bytes)));
  // libav's versions differ in whether what is written is const.
  context_ = avio_alloc_context(
      buffer, buffer_bytes, access == Access::write ? 1 : 0, this,
      [](void* self, std::uint8_t* out, int size) { return static_cast<MemoryIo*>(self)->read(out, size); },
      [](void* self, auto* data, int size) { return static_cast<MemoryIo*>(self)->write(data, size); },
      [](void* self, std::int64_t offset, int whence) {
        return static_cast<MemoryIo*>(self)->seek(offset, whence);
      });
  if (context_ == nullptr) av_free(buffer);
  allocated(context_);
}

MemoryIo::~MemoryIo() {
  // libav may have put another buffer in the place of ours.
  av_freep(&context_->buffer);
  avio_context_free(&context_);
}

int MemoryIo::read(std::uint8_t* out, int size) noexcept {
  if (at_ >= bytes_.size()) return AVERROR_EOF;
  const std::size_t count = std::min(static_cast<std::size_t>(size), bytes_.size() - at_);
  std::memcpy(out, bytes_.data() + at_, count);
  at_ += count;
  return static_cast<int>(count);
}

int MemoryIo::write(const std::uint8_t* data, int size) noexcept {
  const std::size_t count = static_cast<std::size_t>(size);
  try {
    if (at_ + count > bytes_.size()) bytes_.resize(at_ + count);
  } catch (const std::exception&) {
    return AVERROR(ENOMEM);
  }
  std::memcpy(bytes_.data() + at_, data, count);
  at_ += count;
  return size;
}

std::int64_t MemoryIo::seek(std::int64_t offset, int whence) noexcept {
  const auto size = static_cast<std::int64_t>(bytes_.size());
  std::int64_t from = 0;
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return size;
    case SEEK_SET:
      break;
    case SEEK_CUR:
      from = static_cast<std::int64_t>(at_);
      break;
    case SEEK_END:
      from = size;
      break;
    default:
      return AVERROR(EINVAL);
  }
  std::int64_t to = 0;
  // Behind the end is no error, as in any file: a muxer makes room that way.
  if (__builtin_add_overflow(from, offset, &to) || to < 0) return AVERROR(EINVAL);
  at_ = static_cast<std::size_t>(to);
  return to;
}

}  // namespace ditmill::jobs::results::libav
