#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/vae/causal_conv.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Half the height and width (rounded down), all the channels; with `time`, also half the frames of every
/// chunk but a clip's first.
class WanDownsampler {
 public:
  WanDownsampler(const WeightsView& weights, std::int64_t channels, bool time);
  at::Tensor operator()(const at::Tensor& x, CausalState& state) const;

 private:
  /// Of stride 2 in time, over three frames each.
  struct TimeConv {
    at::Tensor weight;
    at::Tensor bias;
  };

  at::Tensor halve_frames(const at::Tensor& x, CausalSlot& slot) const;

  std::optional<TimeConv> time_conv_;
  at::Tensor weight_;
  at::Tensor bias_;
};

}  // namespace ditmill::models
