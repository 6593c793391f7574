#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "jobs/plan/prepare.h"

namespace ditmill::jobs::plan {

/// What the command line of `plan MANIFEST` says.
struct PlanOptions {
  RunOptions run;          ///< manifest, sets, run_dir
  std::vector<int> nodes;  ///< --nodes
  int ranks_per_node = 0;  ///< --ranks-per-node; 0: slurm.ranks_per_node, else the pilot's
  std::string pilot;       ///< --pilot RUN; empty: the manifest's run directory
  bool json = false;
};

/// `plan`: what the items that are left take on so many nodes, from the measurements of a pilot: wall time,
/// GPU-hours (rank-hours on the CPU), storage and layout; as text or JSON to `out`. Layouts other than the
/// pilot's are refused, but for dp. Returns 0, or 1 where no row could be foretold. Throws Error: usage (no
/// pilot: the hint is the command that makes one; one of another model or pipeline), and as prepare_job().
int plan_run(const PlanOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::plan
