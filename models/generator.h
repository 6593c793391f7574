#pragma once

#include <ATen/core/Tensor.h>

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
  std::map<std::string, dist::TensorMap, std::less<>> weights;  ///< by role
  std::string tokenizer;                                        ///< the bytes of spiece.model or tokenizer.json
};

/// A loaded pipeline on this rank: texts in, clips out. Not thread-safe. Every call throws Error: numeric for
/// a result that is not finite, memory for an allocation that failed.
class ClipGenerator {
 public:
  virtual ~ClipGenerator() = default;

  /// One text's embedding, cleaned, tokenised, encoded and trimmed to its tokens: [tokens, text width] in the
  /// text encoder's dtype. Depends on that text alone.
  virtual at::Tensor encode_text(const std::string& text) = 0;
  /// The final latents [C, T, H, W], float32, as diffusers' output_type="latent" gives them. `negative` is
  /// not looked at where guidance is off.
  virtual at::Tensor denoise(const configs::Request& request, const at::Tensor& text,
                             const at::Tensor& negative) = 0;
  /// Frames [T, H, W, 3] uint8 of latents.
  virtual at::Tensor decode(const at::Tensor& latents) = 0;
};

/// Builds the family's layers from its weights; takes them over. Throws Error(bad_input) naming every tensor
/// that is missing, unexpected or of another shape.
std::unique_ptr<ClipGenerator> make_generator(LoadedModel model, const configs::PipelineConfig& pipeline,
                                              const dist::ParallelContext& parallel);

/// Runs `body`, turning LibTorch's exceptions and std::bad_alloc into ditmill's Error (memory or internal).
void translate_errors(const std::function<void()>& body);

}  // namespace ditmill::models
