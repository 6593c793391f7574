#include "models/denoise/guidance.h"

#include <ATen/ATen.h>

namespace ditmill::models {

at::Tensor ClassifierFree::combine(std::span<const at::Tensor> predictions) const {
  const at::Tensor& conditional = predictions[0];
  const at::Tensor& unconditional = predictions[1];
  return unconditional + (conditional - unconditional) * scale_;
}

std::unique_ptr<const Guidance> make_guidance(bool guided, double scale) {
  if (!guided) return std::make_unique<NoGuidance>();
  return std::make_unique<ClassifierFree>(scale);
}

}  // namespace ditmill::models
