#pragma once

#include <cstddef>
#include <cstdint>

#include "dist/weights/tensors/tensor_map.h"

namespace ditmill::models {

/// A text as a text encoder gives it.
struct EncodedText {
  dist::TensorMap tensors = {};  ///< by the names that the encoder has for them
  std::int64_t tokens = 0;       ///< of the whole text, cleaned, its end with them
  std::int64_t tokens_cut = 0;   ///< of these, how many the encoder did not see

  std::size_t nbytes() const {
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
    return bytes;
  }
};

}  // namespace ditmill::models
