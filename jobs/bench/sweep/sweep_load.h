#pragma once

#include <string>
#include <vector>

#include "jobs/bench/sweep/bench_sweep.h"
#include "slurm/foreground.h"

namespace ditmill::jobs::bench {

/// One measurement of a sweep.
struct SweepLoad {
  int nodes = 1;
  int ranks_per_node = 1;
  std::vector<std::string> engine;  ///< `bench load` with all its options, and --json --out `result`
  std::string result;               ///< where its JSON will be
  std::string scratch;              ///< an empty folder of its own
};

/// The command line of `bench load` that says what the options say, all paths absolute.
std::vector<std::string> load_words(const BenchLoadOptions& load, const std::string& result);

/// The folder that machines need to see of a model: itself, or where the file lies. Absolute.
/// Throws Error(not_found).
std::string served_folder(const std::string& model);

/// Throws Error(io) for a measurement that ended with another code than 0 (usage if that was 1), unless it
/// was told to end.
void check_end(const SweepLoad& load, int code, const std::string& where);

}  // namespace ditmill::jobs::bench
