#include "configs/utf8.h"

#include <cstdint>
#include <cstring>

namespace ditmill::utf8 {
namespace {

/// Of ASCII, as almost all that is read.
bool begins_with_eight_of_ascii(std::string_view text) noexcept {
  std::uint64_t eight = 0;
  if (text.size() < sizeof eight) return false;
  std::memcpy(&eight, text.data(), sizeof eight);
  return (eight & 0x8080808080808080) == 0;
}

}  // namespace

Decoded decode(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t length = 0;
  char32_t code_point = 0;
  char32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, code_point = first & 0x1f, least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, code_point = first & 0x0f, least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, code_point = first & 0x07, least = 0x10000;
  } else {
    return {invalid, 1};
  }
  if (text.size() < length) return {invalid, 1};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {invalid, 1};
    code_point = code_point << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < least || surrogate || code_point > 0x10ffff) return {invalid, 1};
  return {code_point, length};
}

void append(std::string& text, char32_t code_point) {
  const auto push = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xc0 | code_point >> 6);
    push(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    push(0xe0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3f));
    push(0x80 | (code_point & 0x3f));
  } else {
    push(0xf0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3f));
    push(0x80 | (code_point >> 6 & 0x3f));
    push(0x80 | (code_point & 0x3f));
  }
}

std::size_t find_invalid(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    if (begins_with_eight_of_ascii(text.substr(at))) {
      at += 8;
      continue;
    }
    const Decoded next = decode(text.substr(at));
    if (next.code_point == invalid) return at;
    at += next.length;
  }
  return std::string_view::npos;
}

}  // namespace ditmill::utf8
