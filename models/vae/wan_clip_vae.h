#pragma once

#include <optional>

#include "models/generator.h"
#include "models/offload/visiting.h"
#include "models/vae/wan_decoder.h"
#include "models/vae/wan_encoder.h"

namespace ditmill::models {

/// What a generator asks of Wan's VAE (2.1's or 2.2's), whose weights may be here only while it is used. All
/// ranks of a group call it alike.
class WanClipVae {
 public:
  /// Takes the weights of "vae" out of the model. Only one that `encodes` has an encoder.
  WanClipVae(LoadedModel& model, const configs::PipelineConfig& pipeline,
             const dist::ParallelContext& parallel, bool encodes = false);

  /// ClipGenerator::decode(): the "frames" of latents.
  dist::TensorMap decode(const at::Tensor& latents);
  /// Pixels [1, 3, T, H, W] in [-1, 1] to the mode of their latents, normalised, [C, T', h, w] float32.
  at::Tensor encode(const at::Tensor& pixels);

 private:
  struct Layers {
    Layers(const WeightsView& weights, const nlohmann::json& hyper_parameters, bool encodes);
    std::optional<WanEncoder> encoder;
    WanDecoder decoder;  ///< after it: it lets go of what the encoder has not taken
  };

  static Visiting<Layers> layers_of(LoadedModel& model, bool encodes);
  /// Those that share the work; null: there are none but this rank.
  const dist::Communicator* group() const;
  /// Throws on all ranks if what any of them has made is not finite.
  void require_finite(const at::Tensor& made, const char* doing, const char* what) const;

  std::optional<configs::VaeTiling> tiling_;
  dist::ParallelContext parallel_;
  Visiting<Layers> layers_;
};

}  // namespace ditmill::models
