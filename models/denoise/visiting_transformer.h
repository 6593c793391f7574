#pragma once

#include <memory>
#include <string>
#include <utility>

#include "models/denoise/denoiser.h"
#include "models/generator_parts.h"
#include "models/offload/visiting.h"
#include "models/parallel/block_stack.h"

namespace ditmill::models {

/// A transformer, or what brings it for its turn: a class made of (weights, dims, parallel, coming), whose
/// BlockStack has what of `coming` is its own.
template <typename Transformer, typename Dims>
Visiting<Transformer> transformer_of(LoadedModel& model, const std::string& name, const Dims& dims,
                                     const configs::PipelineConfig& pipeline,
                                     const dist::ParallelContext& parallel) {
  const configs::Offload& offload = pipeline.components.at(name).offload;
  ComingBlocks coming{.shards = taken(model.blocks, name),
                      .reshard_after_forward = pipeline.parallel.reshard_after_forward,
                      .offloaded = taken(model.offloaded, name),
                      .ahead = offload.type == configs::OffloadType::async ? offload.prefetch : 0,
                      .device = model.device};
  std::shared_ptr<dist::OffloadedWeights> whole;
  if (coming.offloaded && !offload.by_block()) whole = std::exchange(coming.offloaded, nullptr);
  if (coming.offloaded && coming.offloaded->pieces().empty()) coming.offloaded = nullptr;
  return {[name, dims, parallel, coming, numerics = model.numerics](dist::TensorMap weights) {
            return build<Transformer>(std::move(weights), name, numerics, dims, parallel, coming);
          },
          taken(model.weights, name), std::move(whole), model.device};
}

/// A transformer while it is here, as the loop of denoising sees it: by a TransformerDenoiser made of it and
/// of what else that takes.
template <typename Transformer, typename TransformerDenoiser>
class Present final : public Denoiser {
 public:
  template <typename... Arguments>
  explicit Present(Visiting<Transformer>& transformer, const Arguments&... arguments)
      : stay_(transformer), denoiser_(*stay_, arguments...) {}
  const dist::ParallelContext& parallel() const noexcept override { return denoiser_.parallel(); }
  at::TensorOptions options() const override { return denoiser_.options(); }
  std::unique_ptr<ClipPasses> clip(at::IntArrayRef latents) override { return denoiser_.clip(latents); }

 private:
  typename Visiting<Transformer>::Stay stay_;
  TransformerDenoiser denoiser_;
};

}  // namespace ditmill::models
