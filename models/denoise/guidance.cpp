#include "models/denoise/guidance.h"

#include <ATen/ATen.h>

namespace ditmill::models {

at::Tensor guide(const at::Tensor& conditional, const at::Tensor& unconditional, double scale) {
  return unconditional + (conditional - unconditional) * scale;
}

}  // namespace ditmill::models
