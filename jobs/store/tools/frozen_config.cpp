#include "jobs/store/tools/frozen_config.h"

#include "configs/error.h"
#include "jobs/run/epoch.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {

void require_idle(const RunDirectory& run, const slurm::Allocation& allocation, const std::string& doing) {
  const std::optional<std::string> owner = live_owner(run, allocation);
  if (!owner) return;
  throw Error(Category::io, doing, Where{.file = run.path()}, Expected{"no run at work on it"},
              Got{*owner + ", alive within the last 30 s"}, "stop that run, or wait for its end");
}

nlohmann::json read_config(const RunDirectory& run) {
  nlohmann::json config = nlohmann::json::parse(durable::read_file(run.config()), nullptr, false);
  if (config.is_object()) return config;
  throw Error(Category::bad_input, "read the dump of a run", Where{.file = run.config()},
              Expected{"a JSON object"}, {},
              "the file is damaged: `ditmill run` on this run directory writes it anew");
}

}  // namespace ditmill::jobs
