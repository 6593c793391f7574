#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "models/wan/transformer.h"
#include "tests/models/tiny_component.h"

namespace ditmill::models::wan {

inline dist::ParallelContext alone() { return {dist::Mesh(1, {}), 0}; }

/// Random weights of a tiny transformer; islands stay float32.
inline dist::TensorMap tiny_weights(at::ScalarType dtype = at::kFloat, std::uint64_t seed = 1,
                                    const Dims& dims = tiny_dims()) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  dist::TensorMap tensors;
  for (const auto& [name, shape] : dit_shapes(dims)) {
    const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    const double fan_in =
        sizes.size() < 2 ? 25.0
                         : static_cast<double>(c10::multiply_integers(sizes)) / static_cast<double>(sizes[0]);
    const at::Tensor value = at::randn(sizes, generator) / std::sqrt(fan_in);
    tensors.emplace(name, value.to(is_float32_island(name) ? at::kFloat : dtype));
  }
  return tensors;
}

inline Transformer tiny_transformer(dist::TensorMap tensors = tiny_weights(),
                                    const Dims& dims = tiny_dims()) {
  const WeightsView weights(std::move(tensors), "dit");
  Transformer transformer(weights, dims, alone());
  weights.finish();
  return transformer;
}

inline at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

}  // namespace ditmill::models::wan
