#pragma once

#include <string>
#include <string_view>

namespace ditmill::models {

/// A prompt as the Wan pipeline of diffusers cleans it before it is tokenised: ftfy's fix_text (without
/// repair of mojibake), character references twice, no white space at the ends, runs of white space to one
/// space. Idempotent on ordinary texts; never throws on foreign bytes (what is not UTF-8 becomes U+FFFD).
std::string clean_prompt(std::string_view prompt);

}  // namespace ditmill::models
