#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "jobs/plan/manifest/manifest.h"
#include "jobs/results/store/group_store.h"

namespace ditmill::jobs::engine {

/// What a group needs to store results: made by rank 0 once it is known what is left to do, broadcast.
struct StorePlan {
  std::string run_directory;
  int epoch = 0;
  results::OutputConfig output;
  results::StoreProvenance provenance;
};

nlohmann::json to_json(const StorePlan& plan);
StorePlan store_plan_from_json(const nlohmann::json& json);

}  // namespace ditmill::jobs::engine
