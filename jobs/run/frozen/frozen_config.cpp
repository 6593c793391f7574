#include "jobs/run/frozen/frozen_config.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/run_again.h"
#include "jobs/run/epoch.h"

namespace ditmill::jobs::run {

void require_idle(const results::RunDirectory& run, const slurm::Allocation& allocation,
                  const std::string& doing) {
  const std::optional<std::string> owner = live_owner(run, allocation);
  if (!owner) return;
  throw Error(Category::io, doing, Where{.file = run.path()}, Expected{"no run at work on it"},
              Got{*owner + ", alive within the last 30 s"}, "stop that run, or wait for its end");
}

nlohmann::json read_config(const results::RunDirectory& run) {
  const bool found = std::filesystem::exists(run.config());
  const std::string text = found ? results::durable::read_file(run.config()) : "";
  nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
  if (config.is_object()) return config;
  throw Error(found ? Category::bad_input : Category::not_found, "read the dump of a run",
              Where{.file = run.config()}, Expected{"a JSON object"},
              Got{found ? "something else" : "no file"},
              "the job, run again as it was started or by " + results::run_again(run) + ", writes it anew");
}

}  // namespace ditmill::jobs::run
