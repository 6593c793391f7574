#include "jobs/watch/status/run_life.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/epoch.h"

namespace ditmill::jobs::watch {
namespace {

void end_by_outcome(RunLife& life) {
  const run::Outcome& outcome = *life.outcome;
  life.state = outcome.finished() ? RunState::finished : RunState::stopped;
  life.reason = outcome.reason;
  if (outcome.exit != 0) {
    life.reason += (life.reason.empty() ? "exit " : ", exit ") + std::to_string(outcome.exit);
  }
}

void crash(RunLife& life, std::string reason) {
  life.state = RunState::crashed;
  life.reason = std::move(reason);
}

}  // namespace

std::string_view name(RunState state) noexcept {
  switch (state) {
    case RunState::running:
      return "running";
    case RunState::waiting:
      return "waiting";
    case RunState::stopped:
      return "stopped";
    case RunState::crashed:
      return "crashed";
    case RunState::finished:
      return "finished";
  }
  return "stopped";
}

RunLife read_life(const results::RunDirectory& run, double now) {
  RunLife life;
  life.epoch = results::newest_epoch(run);
  if (life.epoch == 0) {
    life.reason = "it was never started";
    return life;
  }
  const std::string path = run.epoch(life.epoch);
  life.owner = results::owner_from_text(results::durable::read_file(path));
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw system_error(errno, "look at a heartbeat", Where{.file = path});
  }
  const bool released = status.st_mtim.tv_sec == 0;
  const double beat =
      static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) / 1e9;
  if (!released) life.heartbeat_age_s = std::max(now - beat, 0.0);

  // Before the outcome is read: it is written first, and who writes it ends then.
  const bool gone = results::has_ended(life.owner, results::this_process({}));
  life.outcome = run::outcome_of_epoch(run, life.epoch);
  if (life.outcome) {
    end_by_outcome(life);
  } else if (released) {
    life.reason = "it ended before it came to its items; its log says why";
  } else if (gone) {
    crash(life, describe(life.owner) + " is gone");
  } else if (*life.heartbeat_age_s * 1000 >= static_cast<double>(run::EpochLimits{}.stale.count())) {
    crash(life, describe(life.owner) + " has shown no sign of life for " +
                    std::to_string(static_cast<long long>(*life.heartbeat_age_s)) + " s");
  } else {
    life.state = RunState::running;
  }
  return life;
}

}  // namespace ditmill::jobs::watch
