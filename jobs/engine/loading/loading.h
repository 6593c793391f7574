#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "dist/liveness/rank_state.h"
#include "dist/plan/plan.h"
#include "dist/weights/nodes.h"
#include "jobs/engine/loading/loading_record.h"
#include "jobs/requests/items/item.h"
#include "models/generator.h"

namespace ditmill::jobs::engine {

/// What is loaded at a time: the text encoder with its tokenizer first, because it may be let go of before
/// the rest.
enum class LoadStage { text, clips };

/// What every rank needs to load a model: made by rank 0, broadcast.
struct LoadPlan {
  std::string family;
  configs::PipelineConfig pipeline;
  std::vector<dist::ComponentPlan> components;
  std::string tokenizer_path;
  std::string copied_folder;  ///< whose files are read from ...
  std::string weights_from;   ///< ... this copy of it; empty: none
};

/// What an item goes through, as the model's family says it of these components.
std::vector<models::Phase> phases_of(const LoadPlan& plan);
/// Whether several components share the steps of denoising, so that they may take turns.
bool takes_turns(const LoadPlan& plan);

nlohmann::json to_json(const LoadPlan& plan);
LoadPlan load_plan_from_json(const nlohmann::json& json);

/// What of a model is on this rank, and what was learnt of its bytes on the way.
struct Loading {
  models::LoadedModel model;
  std::vector<requests::ComponentIdentity>
      digests;  ///< of the components and the tokenizer; key hashes are left empty
  std::vector<LoadedComponent> components;  ///< on rank 0
  std::uint64_t bytes = 0;
  double seconds = 0;
};

/// Loads what each rank holds of the components of one stage to its device, and adds it to `loading`; tells
/// which. Collective. Throws the agreed Error.
void load_stage(const dist::Nodes& nodes, const LoadPlan& plan, LoadStage stage, const dist::Mesh& mesh,
                const at::Device& device, Loading& loading, const dist::Tell& tell);

}  // namespace ditmill::jobs::engine
