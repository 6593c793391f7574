#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dist/parallel_context.h"
#include "dist/weights/tensors/tensor_map.h"

namespace ditmill::models {

/// What latents are on their way through a model's blocks: tensors side by side (one; text and picture; video
/// and sound).
using Streams = std::vector<at::Tensor>;

/// Forward passes over the latents of one clip, each of which predicts something of the latents' shape. On
/// several ranks each makes its part: the first pipeline stage enters, the last one leaves.
class ClipPasses {
 public:
  virtual ~ClipPasses() = default;

  /// Begins a pass: timestep [1], float32; `told` are a request's encodings by name, as the model takes them.
  virtual void begin(const at::Tensor& timestep, const dist::TensorMap& told) = 0;
  /// Latents in the denoiser's dtype to streams.
  virtual Streams enter(const at::Tensor& latents) = 0;
  /// Through the blocks of this rank's stage.
  virtual Streams pass(Streams streams) = 0;
  /// Streams to the prediction, the same on all ranks of the sequence team.
  virtual at::Tensor leave(const Streams& streams) = 0;
  /// Of the streams between stages, on this rank.
  virtual std::vector<std::vector<std::int64_t>> shapes() const = 0;
  /// Bytes that this rank gives others of its stage in one pass, by purpose, for `bench step` to hold what
  /// was counted against; the parameters of blocks are not among them.
  virtual std::map<dist::Purpose, std::uint64_t> bytes_given() const { return {}; }
};

/// A model that takes noise away, as the loop over steps sees it.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  virtual const dist::ParallelContext& parallel() const noexcept = 0;
  /// Type and device of latents that enter, and of streams.
  virtual at::TensorOptions options() const = 0;
  /// For latents [1, channels, frames, height, width] of this shape. The denoiser outlives it.
  virtual std::unique_ptr<ClipPasses> clip(at::IntArrayRef latents) = 0;
};

}  // namespace ditmill::models
