#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "dist/plan/shard_rule.h"
#include "models/binding/component_reader.h"
#include "registry/identity/layout.h"

namespace ditmill::models {

/// The tensors that an architecture has with these hyper-parameters, without those that are there or not.
/// Throws Error(internal) if one that it needs is missing.
Shapes shapes_of(const registry::Layout& architecture, const nlohmann::json& hyper_parameters);

/// How the architecture states that a tensor is cut over the mesh. A tensor that it does not state is whole
/// on every rank. Throws Error(internal) without the hyper-parameter that says which rows stay together.
dist::ShardRule shard_rule(const registry::Layout& architecture, const nlohmann::json& hyper_parameters,
                           std::string_view tensor);

}  // namespace ditmill::models
