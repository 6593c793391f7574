#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::watch {

enum class RunState {
  running,   ///< its owner lives, for all that can be seen
  waiting,   ///< its job is in the queue, or has begun but not come to it yet; only Slurm can tell
  stopped,   ///< ended in order with items left: it resumes when it is run again
  crashed,   ///< its owner is gone and has said nothing
  finished,  ///< nothing is left
};
std::string_view name(RunState state) noexcept;

/// Whether a run is alive, from the newest epoch and outcome.json. What Slurm says of it: slurm_view.h.
struct RunLife {
  RunState state = RunState::stopped;
  std::string reason = {};  ///< why it is in that state, in words; empty while it runs
  int epoch = 0;            ///< the newest; 0: it was never started
  results::EpochOwner owner = {};
  std::optional<double> heartbeat_age_s = {};  ///< none if the owner has released the run, or there is none
  std::optional<run::Outcome> outcome = {};    ///< outcome.json, if it is the newest epoch's
};

/// Why a run of epoch 0 does not run.
inline constexpr const char* never_started = "it was never started";

/// `now` in seconds since 1970, by this host's clock: a file server whose clock is another shifts the age of
/// the heartbeat. Throws Error(io).
RunLife read_life(const results::RunDirectory& run, double now);
/// The same of a run whose newest epoch is known, if need be from its journals alone: epochs/ may lack it.
RunLife read_life(const results::RunDirectory& run, int epoch, double now);

/// How a report calls the state, which also tells what became of the items: empty, running, done, failed,
/// stopped, crashed. Of a run that ended in order it goes by the exit code.
std::string_view report_word(const RunLife& life) noexcept;

}  // namespace ditmill::jobs::watch
