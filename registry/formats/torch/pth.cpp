#include "registry/formats/torch/pth.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "configs/error.h"
#include "registry/formats/looks_like.h"
#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/pth_archive.h"
#include "registry/formats/torch/pth_stream.h"

namespace ditmill::registry {
namespace {

enum class Form { unknown, archive, stream };

/// A safetensors file begins with the length of its header, which may have the bytes of PROTO: then it is one
/// that such a header can have.
bool is_header_length(std::span<const std::byte> begin) {
  constexpr std::uint64_t longest_header = 100'000'000;
  return begin.size() == 8 && little_endian(begin) <= longest_header;
}

Form form_of(const ByteSource& source) {
  std::array<std::byte, 8> bytes{};
  const auto begin = std::span{bytes}.first(std::min<std::uint64_t>(bytes.size(), source.size()));
  source.read_at(0, begin);
  if (begin.size() >= 4 && std::memcmp(begin.data(), "PK\x03\x04", 4) == 0) return Form::archive;
  const auto protocol = begin.size() < 2 ? 0 : std::to_integer<int>(begin[1]);
  const bool pickle = begin.size() >= 2 && begin[0] == std::byte{0x80} && protocol >= 2 && protocol <= 5;
  return pickle && !is_header_length(begin) ? Form::stream : Form::unknown;
}

}  // namespace

PthHeader read_pth_header(const ByteSource& source) {
  switch (form_of(source)) {
    case Form::archive:
      return read_pth_archive(source);
    case Form::stream:
      return read_pth_stream(source);
    case Form::unknown:
      break;
  }
  throw Error{Category::bad_input,
              "read a file of torch.save",
              Where{.file = source.label(), .offset = 0},
              Expected{"a zip archive, or a pickle of protocol 2 to 5"},
              Got{source.size() == 0 ? "an empty file" : "other bytes"},
              looks_like(source)};
}

bool looks_like_pth(const ByteSource& source) { return form_of(source) != Form::unknown; }

}  // namespace ditmill::registry
