#include "models/pictures/header_bytes.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "registry/formats/torch/little_endian.h"

namespace ditmill::models::pictures {
namespace {

constexpr std::uint64_t window_bytes = 4096;

}  // namespace

void refuse_picture(const std::string& file, std::optional<std::uint64_t> offset, std::string expected,
                    std::string got, std::string hint) {
  if (hint.empty()) hint = "fetch or save the picture again";
  throw Error{Category::bad_input,           "read a picture",    Where{.file = file, .offset = offset},
              Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

std::span<const std::byte> HeaderBytes::at(std::uint64_t offset, std::size_t count, std::string_view what) {
  if (offset > size() || count > size() - offset) {
    refuse(std::min(offset, size()), std::string(what),
           "the end of the file, after " + std::to_string(size()) + " bytes");
  }
  if (offset < begin_ || count > window_.size() || offset - begin_ > window_.size() - count) {
    window_.resize(std::min(size() - offset, std::max<std::uint64_t>(count, window_bytes)));
    source_.read_at(offset, window_);
    begin_ = offset;
  }
  return std::span{window_}.subspan(offset - begin_, count);
}

std::uint64_t HeaderBytes::big_endian_at(std::uint64_t offset, std::size_t count, std::string_view what) {
  return big_endian(at(offset, count, what));
}

std::uint64_t HeaderBytes::little_endian_at(std::uint64_t offset, std::size_t count, std::string_view what) {
  return registry::little_endian(at(offset, count, what));
}

void HeaderBytes::refuse(std::uint64_t offset, std::string expected, std::string got,
                         std::string hint) const {
  refuse_picture(source_.label(), offset, std::move(expected), std::move(got), std::move(hint));
}

std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t number = 0;
  for (const std::byte byte : bytes) number = number << 8 | std::to_integer<std::uint64_t>(byte);
  return number;
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ditmill::models::pictures
