#pragma once

#include <cstdint>
#include <string_view>

namespace ditmill::models {

/// Throws Error(bad_input) where another component of a model says something else of `what` than its
/// transformer does: the folder mixes components of different models.
void require_agreement(std::string_view what, const char* component, std::int64_t component_says,
                       std::int64_t transformer_says);

}  // namespace ditmill::models
