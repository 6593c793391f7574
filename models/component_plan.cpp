#include "models/component_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace ditmill::models {

dist::ComponentPlan plan_component(const Family& family, const registry::Component& component,
                                   nlohmann::json hyper_parameters, configs::Dtype dtype) {
  dist::ComponentPlan plan{.role = component.role,
                           .hyper_parameters = std::move(hyper_parameters),
                           .dtype = dtype,
                           .keep_float32 = {},
                           .files = component.files,
                           .named = component.named};
  for (const registry::NamedTensor& tensor : component.layer_tensors()) {
    if (family.keeps_float32(component.role, tensor.name)) plan.keep_float32.push_back(tensor.name);
    const dist::ShardRule rule = family.shard_rule(plan.role, plan.hyper_parameters, tensor.name);
    if (rule == dist::ShardRule{}) continue;
    plan.rules.emplace(tensor.name, rule);
    plan.layers = std::max(plan.layers, rule.layer + 1);
  }
  return plan;
}

}  // namespace ditmill::models
