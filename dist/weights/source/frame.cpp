#include "dist/weights/source/frame.h"

#include <cstring>
#include <new>

#include "dist/weights/source/load_work.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t header_bytes = 64;
static_assert(sizeof(FrameHeader) <= header_bytes);

}  // namespace

Frame::Frame()
    : bytes_(static_cast<std::byte*>(std::aligned_alloc(page_bytes, page_bytes + registry::leaf_bytes))) {
  if (!bytes_) throw std::bad_alloc();
  std::memset(bytes_.get(), 0, page_bytes);
}

FrameHeader Frame::header() const noexcept {
  FrameHeader header;
  std::memcpy(&header, bytes_.get() + page_bytes - header_bytes, sizeof header);
  return header;
}

void Frame::set_header(const FrameHeader& header) noexcept {
  std::memcpy(bytes_.get() + page_bytes - header_bytes, &header, sizeof header);
}

std::span<std::byte> Frame::payload(std::size_t length) const noexcept {
  return {bytes_.get() + page_bytes, length};
}

std::span<std::byte> Frame::wire(std::size_t length) const noexcept {
  return {bytes_.get() + page_bytes - header_bytes, header_bytes + length};
}

}  // namespace ditmill::dist
