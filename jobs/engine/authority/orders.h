#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "configs/pipeline_config.h"
#include "jobs/engine/loading/loading.h"

namespace ditmill::jobs::engine {

/// What rank 0 tells all others before any weights are read.
struct Orders {
  configs::PipelineConfig pipeline = {};
  int threads = 0;  ///< 0: each rank's own default
  std::optional<double> noop_seconds = {};
  std::optional<LoadPlan> load = {};
  std::string status_folder = {};
  std::optional<double> seconds_left = {};  ///< to the end of the allocation, if it has one
};

nlohmann::json to_json(const Orders& orders);
Orders orders_from_json(const nlohmann::json& json);

}  // namespace ditmill::jobs::engine
