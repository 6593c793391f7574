#include "models/vae/causal_conv.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace ditmill::models {
namespace {

constexpr std::int64_t kept_frames = 2;

}  // namespace

void CausalSlot::keep(const at::Tensor& x) {
  const std::int64_t count = std::min(kept_frames, x.size(2));
  at::Tensor last = x.narrow(2, x.size(2) - count, count).clone();
  if (count < kept_frames && frames.defined())
    last = at::cat({frames.narrow(2, frames.size(2) - 1, 1), last}, 2);
  frames = std::move(last);
  started = true;
}

CausalSlot& CausalState::next() {
  if (next_ == slots_.size()) slots_.emplace_back();
  return slots_[next_++];
}

CausalConv::CausalConv(const WeightsView& weights, std::int64_t in, std::int64_t out, std::int64_t time,
                       std::int64_t edge)
    : weight_(weights.take("weight", {out, in, time, edge, edge})),
      bias_(weights.take("bias", {out})),
      pad_time_(time - 1),
      pad_edge_(edge / 2) {}

at::Tensor CausalConv::operator()(const at::Tensor& x, CausalState& state) const {
  CausalSlot& slot = state.next();
  const at::Tensor before = slot.frames;
  const bool from_neighbours = pad_edge_ > 0 && state.slab().cut();
  at::Tensor rows = from_neighbours ? state.slab().with_halo(x, pad_edge_, pad_edge_) : x;
  slot.keep(rows);
  return run(std::move(rows), before, from_neighbours ? 0 : pad_edge_);
}

at::Tensor CausalConv::run(at::Tensor x, const at::Tensor& before, std::int64_t pad_rows) const {
  std::int64_t zeros = pad_time_;
  if (before.defined() && zeros > 0) {
    x = at::cat({before, x}, 2);
    zeros -= before.size(2);
  }
  if (zeros > 0 || pad_edge_ > 0) {
    x = at::constant_pad_nd(x, {pad_edge_, pad_edge_, pad_rows, pad_rows, zeros, 0});
  }
  return at::conv3d(x, weight_, bias_);
}

}  // namespace ditmill::models
