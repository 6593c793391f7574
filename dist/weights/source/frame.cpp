#include "dist/weights/source/frame.h"

#include <cstring>
#include <new>

namespace ditmill::dist {
namespace {

constexpr std::size_t header_bytes = 64;
static_assert(sizeof(FrameHeader) <= header_bytes);

}  // namespace

Frame::Frame()
    : own_(static_cast<std::byte*>(std::aligned_alloc(page_bytes, memory_bytes))), bytes_(own_.get()) {
  if (!own_) throw std::bad_alloc();
  std::memset(bytes_, 0, page_bytes);
}

FrameHeader Frame::header() const noexcept {
  FrameHeader header;
  std::memcpy(&header, bytes_ + page_bytes - header_bytes, sizeof header);
  return header;
}

void Frame::set_header(const FrameHeader& header) noexcept {
  std::memcpy(bytes_ + page_bytes - header_bytes, &header, sizeof header);
}

std::span<std::byte> Frame::payload(std::size_t length) const noexcept {
  return {bytes_ + page_bytes, length};
}

std::span<std::byte> Frame::wire(std::size_t length) const noexcept {
  return {bytes_ + page_bytes - header_bytes, header_bytes + length};
}

}  // namespace ditmill::dist
