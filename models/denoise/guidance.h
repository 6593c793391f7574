#pragma once

#include <ATen/core/Tensor.h>

namespace ditmill::models {

/// Whether a guidance scale asks for the second, unconditional forward pass.
inline bool guided(double scale) noexcept { return scale > 1; }

/// Classifier-free guidance: unconditional + scale * (conditional - unconditional), in the predictions'
/// dtype.
at::Tensor guide(const at::Tensor& conditional, const at::Tensor& unconditional, double scale);

}  // namespace ditmill::models
