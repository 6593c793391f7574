#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "dist/liveness/rank_state.h"
#include "dist/parallel_context.h"
#include "dist/plan/block_layout.h"
#include "dist/weights/offload/offloaded_weights.h"
#include "dist/weights/stream.h"
#include "models/encoded_text.h"
#include "models/family.h"

namespace ditmill::models {

/// A model whose weights have arrived: this rank's slice of them.
struct LoadedModel {
  std::string family;
  HyperParameters hyper_parameters;
  std::map<std::string, dist::TensorMap, std::less<>> weights;  ///< by name; layers compute where they are
  /// By name: layouts of the transformer's blocks that are sharded, whose shards are among the weights.
  std::map<std::string, std::map<std::int64_t, dist::BlockLayout>, std::less<>> blocks = {};
  /// By name: what this rank does not hold of a component, where not all of it is here.
  std::map<std::string, std::shared_ptr<dist::OffloadedWeights>, std::less<>> offloaded = {};
  at::Device device = at::kCPU;  ///< that layers compute on
  configs::Numerics numerics = configs::Numerics::reference;
  std::string tokenizer;  ///< the bytes of spiece.model or tokenizer.json
};

/// The text half of a loaded pipeline on this rank: with tp, all ranks of the team call it alike. It shares
/// nothing with the other half, so that it can be let go of before that is loaded. Not thread-safe. Every
/// call throws Error: numeric for a result that is not finite, memory for an allocation that failed.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  /// One text, cleaned, tokenised, cut to what its encoder takes, encoded and trimmed to its tokens, in the
  /// encoder's dtype. Depends on that text alone.
  virtual EncodedText encode(const TextTask& task) = 0;
  /// Bytes of what encode() will give, without encoding.
  virtual std::uint64_t embedding_bytes(const TextTask& task) = 0;
};

/// What a clip is made from.
struct ClipInput {
  configs::Request request;
  std::map<Use, std::vector<EncodedText>> encoded;  ///< of the family's encodings(), in their order
};

/// What denoising made of it, equal on all ranks of the group.
struct ClipLatents {
  at::Tensor latents;            ///< [C, T, H, W], float32, as diffusers' output_type="latent" gives them
  std::optional<Error> failure;  ///< numeric
};

/// The other half: embeddings in, clips out; all ranks of a group make every call alike. Not thread-safe.
/// Throws as TextEncoder does: on all ranks of a group alike what follows from the clip, and on one rank
/// alone memory, communication, device and internal.
class ClipGenerator {
 public:
  virtual ~ClipGenerator() = default;

  /// How many clips denoise() wants at once to keep all ranks busy.
  virtual std::size_t clips_at_once() const noexcept { return 1; }
  /// Begins what a later clip can have without a device: reading its files. A failure is that of the clip.
  virtual void look_ahead(const configs::Request& /*request*/) {}
  /// Latents of each clip. What a clip becomes does not depend on the others.
  virtual std::vector<ClipLatents> denoise(std::span<const ClipInput> clips, const dist::Tell& tell) = 0;
  /// What latents are decoded to, by the names of outputs, on the group's first rank; nothing on others:
  /// "frames" [T, H, W, 3] uint8, and the outputs that the family declares (fields.yaml).
  virtual dist::TensorMap decode(const at::Tensor& latents) = 0;
};

/// Builds the family's text encoder from the model's text_encoder weights and tokenizer; takes them out of
/// it. Throws Error(bad_input) naming every tensor that is missing, unexpected or of another shape.
std::unique_ptr<TextEncoder> make_text_encoder(LoadedModel& model, const dist::ParallelContext& parallel);

/// The same of the family's other layers; what there are no weights of is not built: without a VAE it
/// denoises only.
std::unique_ptr<ClipGenerator> make_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                              const dist::ParallelContext& parallel);

/// Runs `body`, turning LibTorch's exceptions and std::bad_alloc into ditmill's Error (memory or internal).
void translate_errors(const std::function<void()>& body);

}  // namespace ditmill::models
