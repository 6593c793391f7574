#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/requests/list/prompt_list.h"

namespace ditmill::jobs::requests {

/// What a list may be called.
inline constexpr std::string_view list_endings = ".txt, .jsonl or .csv";

/// The format that the ending of a list's path says, in capitals or not: .txt, .jsonl or .csv.
std::optional<ListFormat> format_named(const std::string& path);
/// What to do about a list with another ending: a .json is looked into.
std::string remedy_for_ending(const std::string& path);

}  // namespace ditmill::jobs::requests
