#include "models/component_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/binding/architecture.h"
#include "registry/identity/catalog.h"

namespace ditmill::models {

dist::ComponentPlan plan_component(const Family& family, const registry::Component& component,
                                   nlohmann::json hyper_parameters, configs::Dtype dtype) {
  dist::ComponentPlan plan{.name = component.name,
                           .hyper_parameters = std::move(hyper_parameters),
                           .dtype = dtype,
                           .keep_float32 = {},
                           .files = component.files,
                           .named = component.named};
  const registry::Layout& architecture = registry::built_in_architecture(family.architecture(component.role));
  for (const registry::NamedTensor& tensor : component.layer_tensors()) {
    const registry::StatedTensor stated = registry::find_tensor(architecture, tensor.name);
    if (stated.tensor != nullptr && stated.tensor->float32) plan.keep_float32.push_back(tensor.name);
    const dist::ShardRule rule = shard_rule(architecture, plan.hyper_parameters, tensor.name);
    if (rule == dist::ShardRule{}) continue;
    plan.rules.emplace(tensor.name, rule);
    plan.layers = std::max(plan.layers, rule.layer + 1);
  }
  if (plan.layers > 0) plan.lists = block_lists(architecture, plan.hyper_parameters);
  return plan;
}

}  // namespace ditmill::models
