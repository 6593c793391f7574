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

/// Fills in the owner, and returns its heartbeat (seconds since 1970; 0: released); none if the epoch has no
/// file.
std::optional<double> read_owner(const results::RunDirectory& run, RunLife& life) {
  const std::string path = run.epoch(life.epoch);
  try {
    life.owner = results::owner_from_text(results::durable::read_file(path));
  } catch (const Error& error) {
    if (error.category() != Category::not_found) throw;
    return std::nullopt;
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw system_error(errno, "look at a heartbeat", Where{.file = path});
  }
  if (status.st_mtim.tv_sec == 0) return 0.0;
  return static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) / 1e9;
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

std::string_view report_word(const RunLife& life) noexcept {
  if (life.epoch == 0) return "empty";
  if (!life.outcome) return life.state == RunState::running ? "running" : "crashed";
  switch (life.outcome->exit) {
    case 0:
      return "done";
    case exit_resumable:
      return "stopped";
    case exit_incomplete:
      return "failed";
    default:
      return "crashed";
  }
}

RunLife read_life(const results::RunDirectory& run, double now) {
  return read_life(run, results::newest_epoch(run), now);
}

RunLife read_life(const results::RunDirectory& run, int epoch, double now) {
  RunLife life{.epoch = epoch};
  if (epoch == 0) {
    life.reason = never_started;
    return life;
  }
  const std::optional<double> beat = read_owner(run, life);
  const bool released = beat == 0.0;
  if (beat && !released) life.heartbeat_age_s = std::max(now - *beat, 0.0);

  // Before the outcome is read: it is written first, and who writes it ends then.
  const bool gone = !beat || results::has_ended(life.owner, results::this_process({}));
  life.outcome = run::outcome_of_epoch(run, life.epoch, run::Unreadable::throws);
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
