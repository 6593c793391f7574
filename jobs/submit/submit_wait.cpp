#include "jobs/submit/submit_wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

#include "configs/error.h"
#include "jobs/run/outcome.h"
#include "jobs/run/submission.h"

namespace ditmill::jobs::submit {
namespace {

/// How bad an exit code is beside others.
int badness(int code) {
  static constexpr std::array<int, 5> order{0, exit_incomplete, exit_resumable, 3, 1};
  return static_cast<int>(std::ranges::find(order, code) - order.begin());
}

int worse(int code, int other) { return badness(code) < badness(other) ? other : code; }

}  // namespace

void wait_for_jobs(const results::RunDirectory& run) {
  using namespace std::chrono_literals;
  std::chrono::milliseconds pause = 1s;
  bool is_out = false;
  for (;;) {
    try {
      const bool is_over = run::live_runs_of(run).empty() && run::live_merges_of(run).empty();
      if (is_out) std::cerr << "ditmill: Slurm answers again\n";
      if (is_over) return;
      is_out = false;
    } catch (const Error& error) {
      if (error.category() != Category::io) throw;
      if (!is_out)
        std::cerr << "ditmill: Slurm does not answer, and is asked again: " << error.what() << "\n";
      is_out = true;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 3 / 2, 30s);
  }
}

int run_exit(const results::RunDirectory& run, int epoch_before) {
  const std::optional<run::Outcome> outcome = run::read_outcome(run);
  if (outcome && outcome->epoch > epoch_before) {
    std::cerr << "ditmill: " << outcome->reason << "\n";
    return outcome->exit;
  }
  throw Error{Category::io,
              "wait for the job",
              Where{.file = run.outcome()},
              Expected{"how the run ended"},
              Got{"nothing"},
              "its log in " + run.logs() + " says why"};
}

int array_exit(const results::RunDirectory& run, int shards) {
  int worst = 0;
  bool all_finished = true;
  for (int i = 0; i < shards; ++i) {
    const std::optional<run::Outcome> outcome = run::read_outcome(results::RunDirectory{run.shard(i)});
    const int code = outcome ? outcome->exit : exit_code(Category::io);
    if (code != 0) {
      std::cerr << fmt::format("ditmill: shard {}: {}\n", i,
                               outcome ? outcome->reason : "no outcome.json; its log says why");
    }
    worst = worse(worst, code);
    all_finished = all_finished && outcome && outcome->finished();
  }
  if (const std::optional<run::Outcome> merged = run::read_outcome(run)) {
    std::cerr << "ditmill: " << merged->reason << "\n";
    return worse(worst, merged->exit);
  }
  if (!all_finished && worst != 0) return worst;
  throw Error{Category::io,
              "wait for the merge of an array",
              Where{.file = run.outcome()},
              Expected{"how it ended"},
              Got{"nothing"},
              "its log, merge-*.log in " + run.logs() + ", says why"};
}

}  // namespace ditmill::jobs::submit
