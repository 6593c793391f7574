#include "registry/tools/count_text.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace ditmill::registry {

std::string short_count(std::uint64_t count) {
  constexpr std::array<std::pair<std::uint64_t, char>, 3> units{
      {{1'000'000'000, 'B'}, {1'000'000, 'M'}, {1'000, 'K'}}};
  for (const auto& [size, letter] : units) {
    if (count >= size)
      return fmt::format("{:.2f}{}", static_cast<double>(count) / static_cast<double>(size), letter);
  }
  return std::to_string(count);
}

std::string grouped_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace ditmill::registry
