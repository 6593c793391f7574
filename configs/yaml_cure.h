#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditmill::configs {

/// A text without control characters in YAML's double quotes.
std::string quoted_yaml(std::string_view text);
/// What to do about a line that YAML takes apart where a text was meant: mostly, to put the text into quotes,
/// with the line as it is then. "" if it is not known.
std::string yaml_cure(std::string_view line);

/// How many bytes of a line are a comment that ends the plain text beginning at `offset`; 0: none does. The
/// text may have meant it: "a shop with #7 on its door".
std::size_t comment_after(std::string_view line, std::size_t offset, std::string_view text) noexcept;

}  // namespace ditmill::configs
