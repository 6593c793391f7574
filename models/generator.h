#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "dist/parallel_context.h"
#include "dist/weights/stream.h"
#include "models/family.h"

namespace ditmill::models {

/// A model whose weights have arrived.
struct LoadedModel {
  std::string family;
  HyperParameters hyper_parameters;
  std::map<std::string, dist::TensorMap, std::less<>> weights;  ///< by role; layers compute where they are
  /// By role: layouts of the transformer's blocks that are sharded, whose shards are among the weights.
  std::map<std::string, std::map<std::int64_t, dist::BlockLayout>, std::less<>> blocks = {};
  std::string tokenizer;  ///< the bytes of spiece.model or tokenizer.json
};

/// The text half of a loaded pipeline on this rank. It shares nothing with the other half, so that it can be
/// let go of before that is loaded. Not thread-safe. Every call throws Error: numeric for a result that is
/// not finite, memory for an allocation that failed.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  /// One text's embedding, cleaned, tokenised, encoded and trimmed to its tokens: [tokens, text width] in the
  /// text encoder's dtype. Depends on that text alone.
  virtual at::Tensor encode_text(const std::string& text) = 0;
  /// Bytes of what encode_text() will give, without encoding.
  virtual std::uint64_t embedding_bytes(const std::string& text) = 0;
};

/// The other half: embeddings in, clips out. Not thread-safe. Throws as TextEncoder does.
class ClipGenerator {
 public:
  virtual ~ClipGenerator() = default;

  /// The final latents [C, T, H, W], float32, as diffusers' output_type="latent" gives them. `negative` is
  /// not looked at where guidance is off.
  virtual at::Tensor denoise(const configs::Request& request, const at::Tensor& text,
                             const at::Tensor& negative) = 0;
  /// Frames [T, H, W, 3] uint8 of latents.
  virtual at::Tensor decode(const at::Tensor& latents) = 0;
};

/// Builds the family's text encoder from the model's text_encoder weights and tokenizer; takes them out of
/// it. Throws Error(bad_input) naming every tensor that is missing, unexpected or of another shape.
std::unique_ptr<TextEncoder> make_text_encoder(LoadedModel& model, const dist::ParallelContext& parallel);

/// The same of the family's other layers, from the dit and vae weights.
std::unique_ptr<ClipGenerator> make_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                              const dist::ParallelContext& parallel);

/// Runs `body`, turning LibTorch's exceptions and std::bad_alloc into ditmill's Error (memory or internal).
void translate_errors(const std::function<void()>& body);

}  // namespace ditmill::models
