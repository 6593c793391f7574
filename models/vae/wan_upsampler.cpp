#include "models/vae/wan_upsampler.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

#include "models/vae/wan_vae_layers.h"

namespace ditmill::models {
namespace {

at::Tensor double_size(const at::Tensor& pictures) {
  const std::array<double, 2> scales{2.0, 2.0};
  // Nothing but copies, so the detour through float32 that diffusers takes would change no bit.
  return at::_upsample_nearest_exact2d(pictures, c10::nullopt, scales);
}

}  // namespace

WanUpsampler::WanUpsampler(const WeightsView& weights, std::int64_t in, std::int64_t out, bool time)
    : weight_(weights.scope("resample", 1).take("weight", {out, in, 3, 3})),
      bias_(weights.scope("resample", 1).take("bias", {out})) {
  if (time) time_conv_.emplace(weights.scope("time_conv"), in, 2 * in, 3, 1);
}

at::Tensor WanUpsampler::operator()(at::Tensor x, CausalState& state) const {
  if (time_conv_) {
    CausalSlot& slot = state.next();
    // A clip's first frame stands for one frame, not four: its chunk is not doubled, nor kept.
    if (std::exchange(slot.started, true)) x = double_frames(x, slot);
  }
  const Slab& slab = state.slab();
  const std::array<std::int64_t, 2> padding{slab.cut() ? 0 : 1, 1};
  return batch_as_frames(at::conv2d(slab.with_halo(double_size(frames_as_batch(x)), 1, 1), weight_, bias_,
                                    /*stride=*/1, padding));
}

at::Tensor WanUpsampler::double_frames(const at::Tensor& x, CausalSlot& slot) const {
  const std::int64_t channels = x.size(1), frames = x.size(2), height = x.size(3), width = x.size(4);
  const at::Tensor before = slot.frames;
  slot.keep(x);
  const at::Tensor both = time_conv_->run(x, before).reshape({1, 2, channels, frames, height, width});
  return at::stack({both.select(1, 0), both.select(1, 1)}, 3)
      .reshape({1, channels, frames * 2, height, width});
}

}  // namespace ditmill::models
