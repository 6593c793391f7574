#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/vae/causal_conv.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Twice the height and width, `out` channels of `in`; with `time`, also twice the frames of every chunk but
/// a clip's first.
class WanUpsampler {
 public:
  WanUpsampler(const WeightsView& weights, std::int64_t in, std::int64_t out, bool time);
  at::Tensor operator()(at::Tensor x, CausalState& state) const;

 private:
  at::Tensor double_frames(const at::Tensor& x, CausalSlot& slot) const;

  std::optional<CausalConv>
      time_conv_;  ///< to twice the channels: those of the earlier frame, of the later one
  at::Tensor weight_;
  at::Tensor bias_;
};

}  // namespace ditmill::models
