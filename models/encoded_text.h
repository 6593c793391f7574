#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ditmill::models {

/// A text as a text encoder gives it.
struct EncodedText {
  at::Tensor embedding = {};    ///< [tokens seen, text width]
  std::int64_t tokens = 0;      ///< of the whole text, cleaned, its end with them
  std::int64_t tokens_cut = 0;  ///< of these, how many the encoder did not see
};

}  // namespace ditmill::models
