#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

namespace ditmill::models::kernels {

/// cos and sin of timestep [batch] times `width`/2 frequencies from 1 down to almost 1/10000: [batch, width],
/// float32, cosines first.
inline at::Tensor timestep_sinusoid(const at::Tensor& timestep, std::int64_t width) {
  const std::int64_t half = width / 2;
  const at::Tensor exponent = at::arange(0, half, timestep.options().dtype(at::kFloat)) * -std::log(10000.0) /
                              static_cast<double>(half);
  const at::Tensor angle = timestep.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  at::Tensor embedding = at::cat({angle.cos(), angle.sin()}, -1);
  return width % 2 == 0 ? embedding : at::constant_pad_nd(embedding, {0, 1});
}

}  // namespace ditmill::models::kernels
