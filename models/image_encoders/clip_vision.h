#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/image_encoders/clip_vision_dims.h"
#include "models/image_encoders/clip_vision_layers.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// CLIP's vision transformer up to its second last layer (Radford et al., 2021; what Wan's image-to-video
/// transformers are told of a picture), with the operators of transformers 5.23 in their order, float32 or
/// bfloat16. The whole of it is on one rank.
class ClipVision {
 public:
  /// `hyper_parameters`: what bind_clip_vision() gives. Takes all of the encoder's tensors, and lets go of
  /// those for which clip_vision_needs() is false.
  ClipVision(const WeightsView& weights, const nlohmann::json& hyper_parameters);

  /// pixels [pictures, 3, image_size, image_size], normalised, of any device and floating-point type. Returns
  /// the states of the second last layer, [pictures, tokens, dim] without a norm, in the weights' dtype on
  /// their device. Throws Error(internal) for another shape.
  at::Tensor encode(const at::Tensor& pixels) const;

  const ClipVisionDims& dims() const noexcept { return dims_; }

 private:
  ClipVisionDims dims_;
  at::Tensor class_;      ///< [dim]
  at::Tensor patches_;    ///< [dim, 3, patch, patch]
  at::Tensor positions_;  ///< [tokens, dim]
  ClipNorm norm_;
  std::vector<ClipVisionLayer> layers_;
};

}  // namespace ditmill::models
