#pragma once

#include <string>

#include "configs/pipeline_config.h"

namespace ditmill::jobs::bench {

/// The degrees of `--parallel`, read with the checks of a manifest's `pipeline.parallel`. Throws Error with
/// the problems.
configs::ParallelConfig read_parallel(const std::string& text, double guidance);

}  // namespace ditmill::jobs::bench
