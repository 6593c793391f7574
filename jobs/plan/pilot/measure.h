#pragma once

#include <cstddef>

#include "jobs/plan/pilot/pilot.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::plan {

/// What the files of a run do not tell of a start.
struct PilotFacts {
  int epoch = 0;                  ///< 0: the newest that finished an item
  int ranks_per_machine = 0;      ///< 0: not known
  double text_stage_seconds = 0;  ///< of encoding all texts (offload: stages); 0: not known
  std::size_t texts = 0;          ///< that were encoded in it
};

/// Measures one start of a run from its journals and parts; of more than some 2,000 items, those of parts
/// that are spread evenly. Throws Error: usage (no item is finished), bad_input (damage), io.
Pilot measure(const results::RunDirectory& run, const PilotFacts& facts = {});

}  // namespace ditmill::jobs::plan
