#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "dist/plan/plan.h"
#include "jobs/item.h"
#include "models/generator.h"

namespace ditmill::jobs {

/// What every rank needs to load a model: made by rank 0, broadcast.
struct LoadPlan {
  std::string family;
  configs::PipelineConfig pipeline;
  std::vector<dist::ComponentPlan> components;
  std::string tokenizer_path;
};

nlohmann::json to_json(const LoadPlan& plan);
LoadPlan load_plan_from_json(const nlohmann::json& json);

/// A model on this rank, and what was learnt of its bytes on the way.
struct Loading {
  models::LoadedModel model;
  std::vector<ComponentIdentity> digests;  ///< of the components and the tokenizer; key hashes are left empty
  std::uint64_t bytes = 0;
  double seconds = 0;
};

/// Streams all components of a plan to all ranks. Collective. Throws the agreed Error.
Loading load_model(const dist::Communicator& comm, const LoadPlan& plan);

}  // namespace ditmill::jobs
