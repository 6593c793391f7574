#include "models/binding/architecture.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"

namespace ditmill::models {
namespace {

dist::Stages stages_of(registry::Stage stage) {
  switch (stage) {
    case registry::Stage::all:
      return dist::Stages::all;
    case registry::Stage::first:
      return dist::Stages::first;
    case registry::Stage::last:
      return dist::Stages::last;
    case registry::Stage::block:
      return dist::Stages::of_layer;
  }
  return dist::Stages::all;
}

Error lacks(const registry::Layout& architecture, std::string what) {
  return Error{Category::internal, "ask the architecture " + architecture.architecture, {}, Expected{std::move(what)}};
}

}  // namespace

Shapes shapes_of(const registry::Layout& architecture, const nlohmann::json& hyper_parameters) {
  const auto expected = registry::expand(architecture, hyper_parameters);
  if (!expected) throw lacks(architecture, "all its hyper-parameters");
  Shapes shapes;
  for (const registry::ExpectedTensor& tensor : *expected) {
    if (!tensor.optional) shapes.emplace(tensor.name, tensor.shape);
  }
  return shapes;
}

dist::ShardRule shard_rule(const registry::Layout& architecture, const nlohmann::json& hyper_parameters,
                           std::string_view tensor) {
  const registry::StatedTensor stated = registry::find_tensor(architecture, tensor);
  dist::ShardRule rule;
  if (stated.tensor == nullptr) return rule;
  rule.dim = stated.tensor->cut;
  rule.stages = stages_of(stated.tensor->stage);
  if (rule.stages == dist::Stages::of_layer) rule.layer = static_cast<std::int64_t>(stated.number);
  if (const std::string& unit = stated.tensor->unit; !unit.empty()) {
    if (!hyper_parameters.contains(unit)) throw lacks(architecture, unit);
    rule.unit = hyper_parameters.at(unit);
  }
  return rule;
}

}  // namespace ditmill::models
