#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/mesh.h"
#include "registry/component.h"

namespace ditmill::dist {

/// How a component is brought to the ranks: made by rank 0 from headers, broadcast, obeyed by all.
struct ComponentPlan {
  std::string role;
  nlohmann::json hyper_parameters;                  ///< effective: what the layers are built from
  configs::Dtype dtype = configs::Dtype::bfloat16;  ///< of the tensors not named in keep_float32
  std::vector<std::string> keep_float32;            ///< tensors that stay float32 whatever dtype says, sorted
  std::vector<registry::WeightFile> files;          ///< read and broadcast in this order
  /// The layers' tensors, where they are not the files' own (registry/component.h); what no part of them is
  /// made of is read and not kept. Empty: every tensor of the files is the layers'.
  std::vector<registry::NamedTensor> named{};

  /// The type that a tensor of the layers has once it is loaded.
  configs::Dtype dtype_of(std::string_view tensor) const;
  /// Bytes a rank holds once it is loaded.
  std::uint64_t bytes_per_rank() const;
};

/// The plan as JSON text can carry it, whatever bytes paths and names are made of.
nlohmann::json to_json(const ComponentPlan& plan);
/// What to_json() was given. Throws Error(internal) for anything that it did not write.
ComponentPlan component_plan_from_json(const nlohmann::json& value);

}  // namespace ditmill::dist
