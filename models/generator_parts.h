#pragma once

#include <c10/core/InferenceMode.h>

#include <string>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "dist/weights/tensors/tensor_map.h"
#include "models/generator.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Takes a value out of a map by name; a default one where there is none.
template <typename Map>
typename Map::mapped_type taken(Map& map, std::string_view name) {
  const auto found = map.find(name);
  if (found == map.end()) return {};
  typename Map::mapped_type value = std::move(found->second);
  map.erase(found);
  return value;
}

/// Builds one component's layers from its weights, and accounts for every tensor.
template <typename Layers, typename... Arguments>
Layers build(dist::TensorMap tensors, const std::string& name, configs::Numerics numerics,
             const Arguments&... arguments) {
  const WeightsView weights(std::move(tensors), name, numerics);
  Layers layers(weights, arguments...);
  weights.finish();
  return layers;
}

inline Error not_finite(const char* doing, const char* what) {
  return Error{Category::numeric,
               doing,
               {},
               Expected{std::string("a finite ") + what},
               Got{"NaN or infinity"},
               "float32 for this component may help; else its weights are damaged"};
}

/// What a body gives, without a trace for gradients, its failures as Errors.
template <typename Body>
auto guarded(const Body& body) {
  decltype(body()) result;
  translate_errors([&] {
    const c10::InferenceMode inference;
    result = body();
  });
  return result;
}

}  // namespace ditmill::models
