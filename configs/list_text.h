#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ditmill {

/// Adds to a list in a text, behind a separator unless it is the first. For lists that are made piece by
/// piece; fmt::join writes what is a range already.
inline void extend_list(std::string& list, std::string_view with, std::string_view separator = ", ") {
  if (!list.empty()) list += separator;
  list += with;
}

/// The first of a list by name, each as `show` has it: "a, b, c and 4 more".
template <typename List, typename Show = std::identity>
std::string some_of(const List& all, std::size_t most, Show show = {}) {
  std::string text;
  std::size_t told = 0;
  for (const auto& each : all) {
    if (told == most) return text + " and " + std::to_string(all.size() - most) + " more";
    if (told++ > 0) text += ", ";
    text += std::invoke(show, each);
  }
  return text;
}

}  // namespace ditmill
