#pragma once

#include <ATen/core/Tensor.h>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "jobs/bench/bench_options.h"
#include "jobs/bench/random_weights.h"
#include "models/wan/transformer.h"

namespace ditmill::jobs::bench {

/// What the command line of `bench step` comes to.
struct StepSetup {
  models::wan::Dims dims;
  configs::Dtype dtype = configs::Dtype::bfloat16;
  configs::ParallelConfig parallel;
  double guidance = 5;
  configs::Request request;              ///< width, height and frames
  std::array<std::int64_t, 4> latent{};  ///< channels, frames, height, width

  bool guided() const noexcept { return configs::guided(guidance); }
};

/// Throws Error(usage) for what the catalog does not know, the model does not take or no mesh could have.
StepSetup read_step_setup(const BenchStepOptions& options);

/// A rank's transformer with weights that it drew.
models::wan::Transformer make_transformer(const StepSetup& setup, const dist::ParallelContext& parallel,
                                          RandomWeights weights);

}  // namespace ditmill::jobs::bench
