#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>

namespace ditmill::dist {

/// Tensors by name.
using TensorMap = std::map<std::string, at::Tensor, std::less<>>;

}  // namespace ditmill::dist
