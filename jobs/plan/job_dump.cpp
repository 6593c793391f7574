#include "jobs/plan/job_dump.h"

#include <nlohmann/json.hpp>

#include "configs/version.h"
#include "jobs/plan/manifest/from_dump.h"

namespace ditmill::jobs::plan {

nlohmann::json dump_prepared(const PreparedJob& job, const configs::WeightsDump& weights,
                             const std::string& digest, const std::string& device) {
  const bool noop = job.family == nullptr;
  configs::ModelDefinition bound = job.manifest.model;
  if (!noop) bound.digest = digest;
  nlohmann::json config =
      configs::dump_config(noop ? "noop" : std::string{job.family->name()}, device,
                           configs::dump_layer1(bound, weights), configs::dump_layer2(job.manifest.pipeline));
  config["output"] = dump_output(job.manifest.output);
  config["name"] = job.manifest.name;
  config["ditmill_version"] = version;
  return config;
}

}  // namespace ditmill::jobs::plan
