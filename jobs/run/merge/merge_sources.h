#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::run {

/// A run that goes into a merged one.
struct MergeSource {
  results::RunDirectory run;
  nlohmann::json config;
  int newest = 0;  ///< its highest epoch
  int first = 1;   ///< what its epoch 1 is in the merged run,
  int step = 1;    ///< and how far apart its epochs are there

  int renumbered(int epoch) const noexcept { return first + (epoch - 1) * step; }
};

/// What several runs come to, if they are shards of one job.
struct MergeSources {
  std::vector<MergeSource> runs;
  requests::ItemList items;  ///< of all; keys are set
  std::vector<std::string> notes;
};

/// Reads configs and lists of runs that are to be merged. Items and epochs are numbered run after run; those
/// of an array by turns, so that the list is in its old order and an epoch keeps its number whatever becomes
/// of other shards. Throws Error: usage (a run named twice; an identity
/// that differs from the first's, naming the fields; an id with different keys; an array that is not whole),
/// io (a run is at work), not_found, bad_input.
MergeSources read_sources(const std::vector<std::string>& runs, bool array,
                          const slurm::Allocation& allocation);

}  // namespace ditmill::jobs::run
