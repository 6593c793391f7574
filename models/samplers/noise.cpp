#include "models/samplers/noise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace ditmill::models {

at::Tensor initial_noise(std::int64_t seed, const std::array<std::int64_t, 4>& latent_shape) {
  const at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed));
  return at::randn({1, latent_shape[0], latent_shape[1], latent_shape[2], latent_shape[3]}, generator,
                   at::TensorOptions(at::kFloat));
}

}  // namespace ditmill::models
