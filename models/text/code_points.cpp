#include "models/text/code_points.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "configs/error.h"
#include "configs/utf8.h"

namespace ditmill::models {

std::u32string to_code_points(std::string_view utf8) {
  std::u32string text;
  text.reserve(utf8.size());
  while (!utf8.empty()) {
    const auto [code_point, length] = utf8::decode(utf8);
    text += code_point == utf8::invalid ? U'\ufffd' : code_point;
    utf8.remove_prefix(length);
  }
  return text;
}

std::string to_utf8(std::u32string_view code_points) {
  std::string text;
  text.reserve(code_points.size());
  for (const char32_t c : code_points) utf8::append(text, c);
  return text;
}

std::u32string to_nfc(std::u32string_view text) {
  // Below U+0300 nothing composes or decomposes with what follows it.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; }))
    return std::u32string(text);
  const std::string utf8 = to_utf8(text);
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()), static_cast<utf8proc_ssize_t>(utf8.size()),
      &out, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (size < 0) {
    const Category category = size == UTF8PROC_ERROR_NOMEM ? Category::memory : Category::internal;
    throw Error{category, "normalise a text (NFC)", {}, {}, Got{utf8proc_errmsg(size)}};
  }
  return to_code_points({reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)});
}

bool is_white_space(char32_t c) noexcept {
  static constexpr std::array<char32_t, 9> single{0x20,   0x85,   0xa0,   0x1680, 0x2028,
                                                  0x2029, 0x202f, 0x205f, 0x3000};
  return (c >= 0x9 && c <= 0xd) || (c >= 0x2000 && c <= 0x200a) ||
         std::find(single.begin(), single.end(), c) != single.end();
}

bool is_decimal_digit(char32_t c) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

}  // namespace ditmill::models
