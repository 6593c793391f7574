#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>

namespace ditmill::models {

/// Which passes a step has, and how their predictions become one.
class Guidance {
 public:
  virtual ~Guidance() = default;

  /// At least one. What pass i is told is DenoiseInput::told[i].
  virtual std::size_t passes() const noexcept = 0;
  /// Of as many predictions, one of the same shape and type.
  virtual at::Tensor combine(std::span<const at::Tensor> predictions) const = 0;
};

/// One pass.
class NoGuidance final : public Guidance {
 public:
  std::size_t passes() const noexcept override { return 1; }
  at::Tensor combine(std::span<const at::Tensor> predictions) const override { return predictions.front(); }
};

/// Classifier-free guidance (Ho and Salimans 2022): unconditional + scale * (conditional - unconditional), in
/// the predictions' dtype; the conditional pass comes first.
class ClassifierFree final : public Guidance {
 public:
  explicit ClassifierFree(double scale) : scale_(scale) {}
  std::size_t passes() const noexcept override { return 2; }
  at::Tensor combine(std::span<const at::Tensor> predictions) const override;

 private:
  double scale_;
};

/// As a pipeline says (PipelineConfig::guided()), by a scale.
std::unique_ptr<const Guidance> make_guidance(bool guided, double scale);

}  // namespace ditmill::models
