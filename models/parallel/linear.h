#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/kernels/operators.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// y = x W^T + b, over the last dimension; W [out, in].
class Linear {
 public:
  enum class Bias { yes, no };

  Linear(const WeightsView& weights, std::int64_t in, std::int64_t out, Bias bias = Bias::yes)
      : numerics_(weights.numerics()), weight_(weights.take("weight", {out, in})) {
    if (bias == Bias::yes) bias_ = weights.take("bias", {out});
  }

  at::Tensor operator()(const at::Tensor& x) const { return kernels::linear(numerics_, x, weight_, bias_); }
  /// GELU(y), by tanh.
  at::Tensor gelu(const at::Tensor& x) const { return kernels::linear_gelu(numerics_, x, weight_, bias_); }
  at::TensorOptions options() const { return weight_.options(); }
  configs::Numerics numerics() const noexcept { return numerics_; }
  /// The type its weights are kept in.
  at::ScalarType dtype() const { return weight_.scalar_type(); }

 private:
  configs::Numerics numerics_;
  at::Tensor weight_;
  std::optional<at::Tensor> bias_;
};

}  // namespace ditmill::models
