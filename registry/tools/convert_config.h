#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ditmill::registry {

/// A Wan transformer's config.json as diffusers' WanTransformer3DModel or as Wan's own code (WanModel) has
/// it: `config` is that of the other layout (or empty), `hyper_parameters` are what the shapes tell. Heads
/// that neither says are left out.
nlohmann::json transformer_config(const nlohmann::json& config, const nlohmann::json& hyper_parameters,
                                  bool diffusers);

}  // namespace ditmill::registry
