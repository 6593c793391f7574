#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jobs/list/item_list.h"
#include "jobs/run_directory.h"
#include "slurm/allocation.h"

namespace ditmill::jobs {

/// A run that goes into a merged one.
struct MergeSource {
  RunDirectory run;
  nlohmann::json config;
  int raise = 0;   ///< its epochs are so much higher in the merged run
  int newest = 0;  ///< its highest epoch, before that
};

/// What several runs come to, if they are shards of one job.
struct MergeSources {
  std::vector<MergeSource> runs;
  ItemList items;  ///< of all, in order; keys are set
  std::vector<std::string> notes;
};

/// Reads configs and lists of runs that are to be merged. Throws Error: usage (a run named twice; an identity
/// that differs from the first's, naming the fields; an id with different keys), io (a run is at work),
/// not_found, bad_input.
MergeSources read_sources(const std::vector<std::string>& runs, const slurm::Allocation& allocation);

}  // namespace ditmill::jobs
