#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "models/vae/slab.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// What a causal layer keeps of one clip between chunks of frames.
struct CausalSlot {
  bool started = false;  ///< it has seen a chunk
  at::Tensor frames;     ///< the last two frames of its input; undefined while it has none to keep

  /// Keeps the last two frames of `x` [1, C, T, H, W]; where T is 1, the last of the kept ones goes before
  /// it.
  void keep(const at::Tensor& x);
};

/// What the layers need to know of one clip: which of its rows they see, and the slots of all causal layers,
/// which ask for theirs in the order in which they run.
class CausalState {
 public:
  CausalState() = default;
  explicit CausalState(const Slab& slab) : slab_(slab) {}

  const Slab& slab() const noexcept { return slab_; }
  /// Call before each chunk.
  void rewind() noexcept { next_ = 0; }
  CausalSlot& next();

 private:
  Slab slab_;
  std::vector<CausalSlot> slots_;
  std::size_t next_ = 0;
};

/// A 3-d convolution of stride 1 that keeps the size and looks back only: in time, two frames before the
/// first are the kept ones, or zeros.
class CausalConv {
 public:
  /// weight [out, in, time, edge, edge], bias [out]; time and edge are 1 or 3.
  CausalConv(const WeightsView& weights, std::int64_t in, std::int64_t out, std::int64_t time,
             std::int64_t edge);

  /// x [1, in, T, H, W] -> [1, out, T, H, W], with zeros before the first frame.
  at::Tensor operator()(const at::Tensor& x) const { return run(x, {}); }
  /// The same with the frames that the state kept for this layer, which it replaces by those of x; where the
  /// state's slab is cut, x is this rank's rows, and those around them come from its neighbours. Frames are
  /// kept with them, so that no row travels twice.
  at::Tensor operator()(const at::Tensor& x, CausalState& state) const;
  /// The same with given frames before x; undefined for none.
  at::Tensor run(at::Tensor x, const at::Tensor& before) const {
    return run(std::move(x), before, pad_edge_);
  }

  /// The type and the device of its weights.
  at::TensorOptions options() const { return weight_.options(); }

 private:
  at::Tensor run(at::Tensor x, const at::Tensor& before, std::int64_t pad_rows) const;

  at::Tensor weight_;
  at::Tensor bias_;
  std::int64_t pad_time_;
  std::int64_t pad_edge_;
};

}  // namespace ditmill::models
