#pragma once

#include <string>

#include "configs/pipeline_config.h"
#include "dist/plan/plan.h"
#include "dist/weights/nodes.h"
#include "dist/weights/source/planned_files.h"

namespace ditmill::dist {

/// What machines give while weights are loaded, bytes a second.
struct Rates {
  double read_alone = 0;     ///< the first machine's, from where the files are, past its page cache
  double read_together = 0;  ///< the slowest machine's, while all read
  double link = 0;           ///< from one machine to the next, while all pass on
};

/// Measures them: what a machine reads of the plan's files in 0.2 s, 64 MiB at most, and 32 MiB over each
/// link. All machines can open the files. Collective; throws the agreed Error.
Rates probe_rates(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open);

/// How many of so many machines are to read: as many as together read more than one alone.
int useful_readers(const Rates& rates, int machines) noexcept;
/// By what they read now; as probe_rates().
int useful_readers(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open);

/// The way of files that are not cached to several machines that takes least by these rates: reading is as
/// slow as its source, passing on as its link, and both go on side by side. Of ways that are about as fast,
/// the one that reads least. `each`: what it is called where every machine reads for itself (shared,
/// independent).
configs::Strategy fastest(const Rates& rates, int machines, configs::Strategy each) noexcept;

/// "reads 2.10 GB/s alone, 0.90 each together, link 1.20": for logs.
std::string describe(const Rates& rates);

}  // namespace ditmill::dist
