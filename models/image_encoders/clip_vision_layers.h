#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/image_encoders/clip_vision_dims.h"
#include "models/parallel/linear.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// LayerNorm over the last dimension, in x's dtype.
class ClipNorm {
 public:
  ClipNorm(const WeightsView& weights, const ClipVisionDims& dims);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

/// x += attention(norm1(x)); x += fc2(gelu(fc1(norm2(x)))), the GELU exact. All heads, no mask.
class ClipVisionLayer {
 public:
  /// `weights`: all of the encoder's.
  ClipVisionLayer(const WeightsView& weights, const ClipVisionDims& dims, std::int64_t layer);
  /// x [pictures, tokens, dim].
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ClipVisionLayer(const WeightsView& of_layer, const WeightsView& projections, const ClipVisionDims& dims);
  at::Tensor attention(const at::Tensor& x) const;

  std::int64_t heads_;
  std::int64_t head_dim_;
  ClipNorm norm1_, norm2_;
  Linear q_, k_, v_, out_;
  Linear fc1_, fc2_;
};

}  // namespace ditmill::models
