#pragma once

#include <string>
#include <string_view>

namespace ditmill::models {

/// Character references replaced as HTML 5 browsers do: named ones, also without their semicolon where HTML 5
/// allows it, and numeric ones with its corrections. The rules of Python's html.unescape.
std::u32string html_unescape(std::u32string_view text);

/// The cautious form of ftfy: only references that end in a semicolon, also names that were put in capitals.
std::u32string html_unescape_cautious(std::u32string_view text);

}  // namespace ditmill::models
