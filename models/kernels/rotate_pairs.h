#pragma once

#include <ATen/ATen.h>

namespace ditmill::models::kernels {

/// Rotates neighbouring pairs (2i, 2i+1) of x [batch, tokens, heads, head_dim] by angle i: computed in
/// float32, stored in x's dtype. cos, sin [1, tokens, 1, head_dim/2], float32.
inline at::Tensor rotate_pairs(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  using at::indexing::None;
  using at::indexing::Slice;
  const at::Tensor pairs = x.unflatten(-1, {-1, 2});
  const at::Tensor first = pairs.select(-1, 0);
  const at::Tensor second = pairs.select(-1, 1);
  at::Tensor out = at::empty_like(x);
  out.index({at::indexing::Ellipsis, Slice(0, None, 2)}).copy_(first * cos - second * sin);
  out.index({at::indexing::Ellipsis, Slice(1, None, 2)}).copy_(first * sin + second * cos);
  return out;
}

}  // namespace ditmill::models::kernels
