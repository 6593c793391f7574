#include "jobs/engine/authority/config_dump.h"

#include <nlohmann/json.hpp>
#include <string>

#include "configs/component_name.h"
#include "configs/dump.h"
#include "dist/device.h"
#include "jobs/plan/bind/weights_dump.h"
#include "jobs/plan/job_dump.h"
#include "jobs/run/frozen/frozen_files.h"

namespace ditmill::jobs::engine {

nlohmann::json dump_job(const plan::PreparedJob& job, const FrozenFacts& frozen, const LaunchFacts& launch,
                        const at::Device& device) {
  configs::WeightsDump weights = plan::weights_dump(job);
  for (configs::ComponentDump& component : weights.components) {
    component.digest = frozen.identity.at("components").at(configs::hashed_name(component.name)).at("digest");
  }
  nlohmann::json config =
      plan::dump_prepared(job, weights, frozen.weights_digest, device.is_cuda() ? "cuda" : "cpu");
  config["layer3_requests"] = run::dump_requests(frozen.requests, frozen.items);
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
