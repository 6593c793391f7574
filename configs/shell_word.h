#pragma once

#include <string>
#include <string_view>

namespace ditmill {

/// Whether a text is a word of bash as it stands.
bool is_plain_word(std::string_view text) noexcept;
/// A word of bash that stands for the text: for commands that messages print.
std::string shell_word(std::string_view text);

}  // namespace ditmill
