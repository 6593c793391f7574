#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "jobs/run/submission.h"
#include "jobs/watch/status/progress_of_run.h"
#include "jobs/watch/status/status_text.h"

namespace ditmill::jobs::watch {

/// Where one shard of an array stands.
struct ShardProgress {
  int index = 0;
  RunProgress progress;  ///< of its run directory; epoch 0: it was not started yet
};

/// Where an array stands: what `status` shows of its run directory.
struct ArrayProgress {
  /// Sums over the shards, and their errors. It runs as long as one of them does, and is finished once all
  /// are and the merge is written.
  RunProgress whole;
  std::vector<ShardProgress> shards;
};

/// Whether a run directory is to be looked at as an array: it was submitted as one, and is none of a run that
/// began there before any shard. Throws Error(io).
bool is_array(const results::RunDirectory& run, const run::Submission& submission);

/// RunWatcher of an array.
class ArrayWatcher {
 public:
  ArrayWatcher(results::RunDirectory run, run::Submission submission);

  /// As RunWatcher::look().
  ArrayProgress look(double now);

 private:
  ShardProgress look_at(int index, double now);

  results::RunDirectory run_;
  run::Submission submission_;
  std::map<int, RunWatcher> watchers_;  ///< of shards that were started
};

/// take_slurm() of an array's tasks.
void take_slurm(ArrayProgress& array, slurm::JobReport report);

/// to_json() of the whole, and `shards: [{shard, run, state, reason, epoch, owner, total, done, failed,
/// quarantined, left, rate, eta_s}]`.
nlohmann::json to_json(const ArrayProgress& array);
/// status_text() of the whole, and a line a shard: those that are not finished first.
std::string status_text(const ArrayProgress& array, const StatusLook& look = {});

}  // namespace ditmill::jobs::watch
