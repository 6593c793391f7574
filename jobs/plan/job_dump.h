#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "configs/dump.h"
#include "jobs/plan/prepare.h"

namespace ditmill::jobs::plan {

/// What config.json says that is known before weights are read: the layers, what is kept of items, the job's
/// name. `weights` and `digest` are as far as they are known; `device`: "cpu", "cuda".
nlohmann::json dump_prepared(const PreparedJob& job, const configs::WeightsDump& weights,
                             const std::string& digest, const std::string& device);

}  // namespace ditmill::jobs::plan
