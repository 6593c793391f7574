#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "configs/dump.h"
#include "jobs/plan/bind/prepared_job.h"
#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::plan {

/// The experts among the components of a model, as the catalog knows their variants.
std::vector<configs::ExpertDump> experts_of(const registry::ModelFolder& folder,
                                            const registry::Catalog& catalog);

/// What the headers of a job's weights say for its dump; digests are left empty. Nothing for a rehearsal.
configs::WeightsDump weights_dump(const PreparedJob& job);

/// Throws Error(bad_input) naming the first field in which a dumped layer 1 and weights differ that are now
/// to stand for it: paths, digests and the dtypes that they run in apart.
void require_same_weights(const nlohmann::json& layer1, const configs::WeightsDump& now,
                          const std::string& model_path);

}  // namespace ditmill::jobs::plan
