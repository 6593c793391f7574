#include "models/samplers/flow_match_euler.h"

#include <ATen/ATen.h>

namespace ditmill::models {

at::Tensor FlowMatchEuler::advance(const at::Tensor& flow, const at::Tensor& sample) {
  // A tensor of no dimensions leaves the product in the flow's dtype, as in diffusers.
  const at::Tensor difference =
      at::scalar_tensor(schedule_.sigmas.at(step_ + 1) - schedule_.sigmas.at(step_), at::kFloat);
  ++step_;
  return (sample.to(at::kFloat) + difference * flow).to(flow.scalar_type());
}

}  // namespace ditmill::models
