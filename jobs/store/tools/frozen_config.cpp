#include "jobs/store/tools/frozen_config.h"

#include <filesystem>

#include "configs/error.h"
#include "jobs/run/epoch.h"
#include "jobs/run/run_again.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {

void require_idle(const RunDirectory& run, const slurm::Allocation& allocation, const std::string& doing) {
  const std::optional<std::string> owner = live_owner(run, allocation);
  if (!owner) return;
  throw Error(Category::io, doing, Where{.file = run.path()}, Expected{"no run at work on it"},
              Got{*owner + ", alive within the last 30 s"}, "stop that run, or wait for its end");
}

nlohmann::json read_config(const RunDirectory& run) {
  const bool found = std::filesystem::exists(run.config());
  const std::string text = found ? durable::read_file(run.config()) : "";
  nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
  if (config.is_object()) return config;
  throw Error(found ? Category::bad_input : Category::not_found, "read the dump of a run",
              Where{.file = run.config()}, Expected{"a JSON object"},
              Got{found ? "something else" : "no file"},
              "the job, run again as it was started or by " + run_again(run) + ", writes it anew");
}

}  // namespace ditmill::jobs
