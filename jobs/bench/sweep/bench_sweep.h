#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// What the command line of `bench sweep` says.
struct BenchSweepOptions {
  BenchLoadOptions load;   ///< what each of its measurements is told
  std::vector<int> nodes;  ///< --nodes
  int ranks_per_node = 1;  ///< --ranks-per-node
  std::string link;        ///< --link RATE: machines are namespaces of this host; empty: see bench_sweep()
  std::vector<std::string> sbatch;  ///< --sbatch OPTION
  bool json = false;
  std::string out;  ///< --out FILE
};

/// `ditmill bench sweep`: `bench load` on each number of machines. Inside an allocation on its first nodes;
/// with --link, or where no Slurm answers, on network namespaces of this host; else by a job of Slurm's a
/// number, one after the other. FILE gets the results as JSON after each: {where, link, nodes, notes, loads:
/// [as `bench load`]}; `out` a table, or with --json the same JSON. Returns 0, or 75 if a signal ended it
/// early. Throws Error: usage for what does not fit the machines, io for a measurement that failed.
int bench_sweep(const BenchSweepOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::bench
