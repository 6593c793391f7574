#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "dist/comm/tensors.h"
#include "dist/parallel_context.h"
#include "models/parallel/linear.h"

namespace ditmill::models {

/// y = x W^T + b of a W whose columns are split over tp, as x's last dimension is: each rank multiplies its
/// part, and the products are summed over the team, on every rank. Shoeybi et al., Megatron-LM (2019), 3.
class RowLinear {
 public:
  /// `in`: this rank's columns of W.
  RowLinear(const WeightsView& weights, std::int64_t in, std::int64_t out,
            const dist::ParallelContext& parallel, Linear::Bias bias = Linear::Bias::yes)
      : parallel_(parallel), numerics_(weights.numerics()), weight_(weights.take("weight", {out, in})) {
    if (bias == Linear::Bias::no) return;
    const at::Tensor whole = weights.take("bias", {out});
    if (parallel.index(dist::Axis::tp) == 0) bias_ = whole;  // added once
  }

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor part = kernels::linear(numerics_, x, weight_, bias_);
    if (parallel_.degree(dist::Axis::tp) == 1) return part;
    return dist::all_reduce(parallel_.team(dist::Team::tp), part, dist::Purpose::tensor);
  }

 private:
  dist::ParallelContext parallel_;
  configs::Numerics numerics_;
  at::Tensor weight_;
  std::optional<at::Tensor> bias_;
};

}  // namespace ditmill::models
