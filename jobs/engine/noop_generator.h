#pragma once

#include <utility>

#include "dist/liveness/rank_state.h"
#include "models/generator.h"

namespace ditmill::jobs {

/// The generator of a rehearsal (`model: {noop: SECONDS}`): takes its time, then gives frames of bytes that
/// are pseudo-random from the item's seed alone (SplitMix64, little-endian). Its "latents" are those frames.
class NoopGenerator : public models::ClipGenerator {
 public:
  NoopGenerator(double seconds, dist::Tell tell) : seconds_(seconds), tell_(std::move(tell)) {}

  at::Tensor denoise(const configs::Request& request, const at::Tensor& text,
                     const at::Tensor& negative) override;
  at::Tensor decode(const at::Tensor& latents) override;

 private:
  double seconds_;
  dist::Tell tell_;
};

}  // namespace ditmill::jobs
