#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/vae/causal_conv.h"
#include "models/weights_view.h"

/// The layers that encoder and decoder of Wan's VAE share. Maps are [1, C, T, H, W].
namespace ditmill::models {

/// x / max(|x|, 1e-12) * sqrt(C) * gamma over the channels; the quotient in float32, rounded to x's dtype.
class VaeNorm {
 public:
  /// `trailing`: the ones behind C in gamma's shape.
  VaeNorm(const WeightsView& weights, std::int64_t channels, int trailing);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor gamma_;
  double scale_;
};

/// norm, SiLU, convolution, twice; plus x, by a 1x1x1 convolution where the widths differ.
class VaeResidual {
 public:
  VaeResidual(const WeightsView& weights, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& x, CausalState& state) const;

 private:
  VaeNorm norm1_;
  CausalConv conv1_;
  VaeNorm norm2_;
  CausalConv conv2_;
  std::optional<CausalConv> shortcut_;
};

/// Self-attention of one head among the pixels of each frame, plus x. Where the slab is cut, x is this rank's
/// rows, which look at those of all ranks.
class VaeAttention {
 public:
  VaeAttention(const WeightsView& weights, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x, const Slab& slab) const;

 private:
  VaeNorm norm_;
  at::Tensor qkv_weight_, qkv_bias_, proj_weight_, proj_bias_;
};

/// Residual, attention, residual: at the smallest size.
class VaeMiddle {
 public:
  VaeMiddle(const WeightsView& weights, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x, CausalState& state) const;

 private:
  VaeResidual first_;
  VaeAttention attention_;
  VaeResidual second_;
};

/// norm, SiLU, convolution to the outgoing channels.
class VaeHead {
 public:
  /// `weights`: the scope that holds norm_out and conv_out.
  VaeHead(const WeightsView& weights, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& x, CausalState& state) const;

 private:
  VaeNorm norm_;
  CausalConv conv_;
};

/// Every frame as a picture: [1, C, T, H, W] -> [T, C, H, W], and back.
at::Tensor frames_as_batch(const at::Tensor& x);
at::Tensor batch_as_frames(const at::Tensor& x);

}  // namespace ditmill::models
