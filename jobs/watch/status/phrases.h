#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditmill::jobs::watch {

/// "1 group", "3 groups"
std::string counted(std::size_t count, std::string_view noun);
/// "1m26s ago"
std::string ago(double seconds);
/// A text that fits a column of a table: what is longer ends in "~".
std::string short_cell(std::string text);
/// What a rank does, and with which items (their ids, with commas) if that does not say so.
std::string deed(const std::string& doing, const std::string& items);

}  // namespace ditmill::jobs::watch
