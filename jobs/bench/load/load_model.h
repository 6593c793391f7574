#pragma once

#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/plan/plan.h"
#include "jobs/bench/bench_options.h"

namespace ditmill::jobs::bench {

/// What is loaded: a plan a component, and the layout.
struct LoadedPlans {
  std::vector<dist::ComponentPlan> components;
  configs::ParallelConfig parallel;
  std::uint64_t bytes = 0;  ///< of their files
};

/// Reads the headers of a model folder, a component's folder or a file, and plans it as a job would; weights
/// of no family that runs are whole on every rank. Throws Error: as registry::open_model_folder(), usage for
/// options that do not fit.
LoadedPlans plan_load(const BenchLoadOptions& options);

}  // namespace ditmill::jobs::bench
