#include "configs/shell_word.h"

namespace ditmill {

bool is_plain_word(std::string_view text) noexcept {
  static constexpr std::string_view safe =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./:+@%=-";
  return !text.empty() && text.find_first_not_of(safe) == std::string_view::npos;
}

std::string shell_word(std::string_view text) {
  if (is_plain_word(text)) return std::string(text);
  std::string word = "'";
  for (const char byte : text) word += byte == '\'' ? std::string{"'\\''"} : std::string{byte};
  return word + "'";
}

}  // namespace ditmill
