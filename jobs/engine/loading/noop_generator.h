#pragma once

#include "models/generator.h"

namespace ditmill::jobs::engine {

/// The generator of a rehearsal (`model: {noop: SECONDS}`): takes its time, then gives frames of bytes that
/// are pseudo-random from the item's seed alone (SplitMix64, little-endian), on every rank of a group. Its
/// "latents" are those frames.
class NoopGenerator : public models::ClipGenerator {
 public:
  explicit NoopGenerator(double seconds) : seconds_(seconds) {}

  std::vector<models::ClipLatents> denoise(std::span<const models::ClipInput> clips,
                                           const dist::Tell& tell) override;
  dist::TensorMap decode(const at::Tensor& latents) override;

 private:
  double seconds_;
};

}  // namespace ditmill::jobs::engine
