#include "models/text/wire.h"

#include <utility>

#include "configs/error.h"

namespace ditmill::models {
namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

}  // namespace

void refuse_model(std::uint64_t offset, std::string expected, std::string got, std::string hint) {
  throw Error{Category::bad_input,
              "read the tokenizer's model",
              Where{.file = "spiece.model", .offset = offset},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

std::optional<WireField> WireReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::uint64_t key = varint();
  WireField field{.number = static_cast<std::uint32_t>(key >> 3)};
  if (key >> 3 == 0 || key >> 32 != 0) refuse_model(offset_, "a field number", std::to_string(key >> 3));
  switch (key & 7) {
    case 0:
      field.offset = offset_;
      field.value = varint();
      break;
    case 1:
      field.offset = offset_;
      field.value = little_endian(take(8));
      break;
    case 2: {
      const std::uint64_t size = varint();
      field.offset = offset_;
      field.bytes = take(size);
      break;
    }
    case 5:
      field.offset = offset_;
      field.value = little_endian(take(4));
      break;
    default:
      refuse_model(offset_, "a field of wire type 0, 1, 2 or 5", "wire type " + std::to_string(key & 7));
  }
  return field;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  refuse_model(offset_, "a number of at most ten bytes", "a longer one");
}

std::string_view WireReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    refuse_model(offset_, std::to_string(size) + " more bytes", std::to_string(rest_.size()) + " bytes");
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  offset_ += size;
  return taken;
}

}  // namespace ditmill::models
