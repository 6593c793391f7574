#include "jobs/engine/authority/config_dump.h"

#include <nlohmann/json.hpp>
#include <string>

#include "configs/component_name.h"
#include "configs/dump.h"
#include "configs/version.h"
#include "dist/device.h"
#include "jobs/plan/bind/weights_dump.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/run/frozen/frozen_files.h"

namespace ditmill::jobs::engine {

nlohmann::json dump_job(const plan::PreparedJob& job, const FrozenFacts& frozen, const LaunchFacts& launch,
                        const at::Device& device) {
  const bool noop = job.family == nullptr;
  configs::WeightsDump weights = plan::weights_dump(job);
  for (configs::ComponentDump& component : weights.components) {
    component.digest = frozen.identity.at("components").at(configs::hashed_name(component.name)).at("digest");
  }
  configs::ModelDefinition bound = job.manifest.model;
  if (!noop) bound.digest = frozen.weights_digest;
  const std::string type = noop ? "noop" : std::string{job.family->name()};
  nlohmann::json config =
      configs::dump_config(type, device.is_cuda() ? "cuda" : "cpu", configs::dump_layer1(bound, weights),
                           configs::dump_layer2(job.manifest.pipeline));
  config["layer3_requests"] = run::dump_requests(frozen.requests, frozen.items);
  config["output"] = plan::dump_output(job.manifest.output);
  config["name"] = job.manifest.name;
  config["ditmill_version"] = version;
  config["libraries"] = launch.libraries;
  config["device_name"] = dist::describe_device(device);
  config["world"] = launch.world;
  config["threads"] = launch.threads;
  config["slurm_job"] = launch.allocation.job_id;
  config["weights_digest"] = frozen.weights_digest;
  config["manifest_sha256"] = frozen.manifest_sha256;
  config[run::identity_field] = frozen.identity;
  return config;
}

}  // namespace ditmill::jobs::engine
