#pragma once

#include <ATen/ATen.h>

namespace ditmill::models::kernels {

/// LayerNorm without weights over the last dimension, then * (1 + scale) + shift: computed in float32, stored
/// in x's dtype. x [batch, tokens, dim]; scale, shift [batch, 1, dim].
inline at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                                 double eps) {
  at::Tensor y = at::layer_norm(x.to(at::kFloat), {x.size(-1)}, {}, {}, eps);
  return y.mul_(1 + scale).add_(shift).to(x.scalar_type());
}

}  // namespace ditmill::models::kernels
