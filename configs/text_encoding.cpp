#include "configs/text_encoding.h"

#include <algorithm>
#include <filesystem>

#include "configs/shell_word.h"

namespace ditmill {
namespace {

/// Whether every second byte is 0, from `first` on: Latin letters in UTF-16 without a byte order mark.
bool every_second_is_nul(std::string_view text, std::size_t first) {
  constexpr std::size_t looked_at = 64;
  if (text.size() < 4) return false;
  for (std::size_t i = 0; i < std::min(text.size(), looked_at); ++i) {
    if ((text[i] == '\0') != (i % 2 == first)) return false;
  }
  return true;
}

}  // namespace

std::string_view utf16_encoding(std::string_view beginning) noexcept {
  if (beginning.starts_with("\xff\xfe") || beginning.starts_with("\xfe\xff")) return "UTF-16";
  if (every_second_is_nul(beginning, 1)) return "UTF-16LE";
  if (every_second_is_nul(beginning, 0)) return "UTF-16BE";
  return {};
}

std::string conversion(std::string_view encoding, const std::string& file) {
  return "iconv -f " + std::string{encoding} + " -t UTF-8 " + shell_word(file) + " > " +
         shell_word(beside_file(file, "-utf8"));
}

std::string beside_file(const std::string& file, std::string_view name, std::string_view ending) {
  std::filesystem::path path{file};
  const std::string stem = path.stem().string() + std::string{name};
  return path.replace_filename(stem + (ending.empty() ? path.extension().string() : std::string{ending}))
      .string();
}

}  // namespace ditmill
