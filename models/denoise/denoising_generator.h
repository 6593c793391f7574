#pragma once

#include <span>
#include <vector>

#include "models/denoise/turns.h"
#include "models/generator.h"

namespace ditmill::models {

/// A ClipGenerator that denoises by turns, as many clips together as there are pipeline stages.
class DenoisingGenerator : public ClipGenerator {
 public:
  DenoisingGenerator(configs::PipelineConfig pipeline, dist::ParallelContext parallel);

  /// Of all its denoisers; the generator outlives them.
  virtual std::vector<Turn> turns() = 0;
  /// What a clip is made from, for a denoiser with such tensors.
  virtual DenoiseInput input_of(const at::TensorOptions& options, const ClipInput& clip) = 0;

  /// What becomes of a clip's latents [C, T, H, W], float32, after all steps.
  virtual at::Tensor concluded(at::Tensor latents, const ClipInput& /*clip*/) { return latents; }

  std::vector<ClipLatents> denoise(std::span<const ClipInput> clips, const dist::Tell& tell) final;

 protected:
  const configs::PipelineConfig& pipeline() const noexcept { return pipeline_; }
  const dist::ParallelContext& parallel() const noexcept { return parallel_; }

 private:
  configs::PipelineConfig pipeline_;
  dist::ParallelContext parallel_;
};

}  // namespace ditmill::models
