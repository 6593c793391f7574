#pragma once

#include <nlohmann/json_fwd.hpp>

#include "configs/pipeline_config.h"
#include "dist/plan/plan.h"
#include "models/family.h"
#include "registry/component.h"

namespace ditmill::models {

/// How a component is brought to the ranks: its files, the names of the layers, the tensors that stay float32
/// whatever `dtype` says, and which part of each a rank holds; fsdp is the caller's to ask for.
/// `hyper_parameters` are what the family's bind() gave.
dist::ComponentPlan plan_component(const Family& family, const registry::Component& component,
                                   nlohmann::json hyper_parameters, configs::Dtype dtype);

}  // namespace ditmill::models
