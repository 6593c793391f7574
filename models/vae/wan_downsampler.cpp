#include "models/vae/wan_downsampler.h"

#include <ATen/ATen.h>

#include <array>

#include "models/vae/wan_vae_layers.h"

namespace ditmill::models {
namespace {

constexpr std::int64_t halving = 2;
constexpr std::array<std::int64_t, 3> halving_time{2, 1, 1};

}  // namespace

WanDownsampler::WanDownsampler(const WeightsView& weights, std::int64_t channels, bool time)
    : weight_(weights.scope("resample", 1).take("weight", {channels, channels, 3, 3})),
      bias_(weights.scope("resample", 1).take("bias", {channels})) {
  if (!time) return;
  const WeightsView conv = weights.scope("time_conv");
  time_conv_ = {conv.take("weight", {channels, channels, 3, 1, 1}), conv.take("bias", {channels})};
}

at::Tensor WanDownsampler::operator()(const at::Tensor& x, CausalState& state) const {
  const Slab& slab = state.slab();
  // A zero row and column after the last: the only padding. A slab begins with an even row.
  const at::Tensor padded =
      at::constant_pad_nd(slab.with_halo(frames_as_batch(x), 0, 1), {0, 1, 0, slab.cut() ? 0 : 1});
  const at::Tensor smaller = batch_as_frames(at::conv2d(padded, weight_, bias_, halving));
  return time_conv_ ? halve_frames(smaller, state.next()) : smaller;
}

at::Tensor WanDownsampler::halve_frames(const at::Tensor& x, CausalSlot& slot) const {
  const at::Tensor before = slot.frames;
  slot.frames = x.narrow(2, x.size(2) - 1, 1).clone();
  // A clip's first frame is a latent frame of its own.
  if (!before.defined()) return x;
  return at::conv3d(at::cat({before, x}, 2), time_conv_->weight, time_conv_->bias, halving_time);
}

}  // namespace ditmill::models
