#pragma once

#include <cstddef>
#include <string_view>

namespace ditmill::models {

/// A number of tokens that a text (UTF-8) does not exceed once it is cleaned and tokenised, its end with
/// them: what its bytes can become at most, so that of a million texts only the long ones need a tokenizer.
std::size_t most_tokens(std::string_view text) noexcept;

}  // namespace ditmill::models
