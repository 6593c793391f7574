#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>

#include "configs/error.h"
#include "dist/torch_error.h"

namespace ditmill::dist {

/// Makes a tensor, which fails for want of memory if it does: as an Error of that category, naming what it is
/// made for.
template <typename Make>
at::Tensor allocated(const std::string& tensor, Make&& make) {
  try {
    return make();
  } catch (const c10::Error& error) {
    const std::string words = error.what_without_backtrace();
    if (!is_out_of_memory(words)) {
      throw Error{
          Category::internal, "load weights", Where{.tensor = tensor}, {}, Got{printable(words, 500)}};
    }
    throw Error{Category::memory,        "load weights",
                Where{.tensor = tensor}, Expected{"room for what this rank holds of it"},
                Got{printable(words)},   "give the job more memory a node, or fewer ranks a node"};
  }
}

}  // namespace ditmill::dist
