#include "models/vae/wan_clip_vae.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "models/generator_parts.h"

namespace ditmill::models {

WanClipVae::Layers::Layers(const WeightsView& weights, const nlohmann::json& hyper_parameters, bool encodes)
    : encoder(encodes ? std::optional<WanEncoder>(std::in_place, weights, hyper_parameters) : std::nullopt),
      decoder(weights, hyper_parameters) {}

Visiting<WanClipVae::Layers> WanClipVae::layers_of(LoadedModel& model, bool encodes) {
  return {[encodes, hyper_parameters = model.hyper_parameters.at("vae"),
           numerics = model.numerics](dist::TensorMap weights) {
            return build<Layers>(std::move(weights), "vae", numerics, hyper_parameters, encodes);
          },
          taken(model.weights, "vae"), taken(model.offloaded, "vae"), model.device};
}

WanClipVae::WanClipVae(LoadedModel& model, const configs::PipelineConfig& pipeline,
                       const dist::ParallelContext& parallel, bool encodes)
    : tiling_(pipeline.components.at("vae").tiling),
      parallel_(parallel),
      layers_(layers_of(model, encodes)) {}

dist::TensorMap WanClipVae::decode(const at::Tensor& latents) {
  return guarded([&] {
    const auto layers = layers_.enter();
    const at::Tensor decoded = layers->decoder.decode(latents, tiling_, group());
    require_finite(decoded, "decode the latents", "picture");
    at::Tensor frames = layers->decoder.gather_frames(decoded, latents, tiling_, group());
    return frames.defined() ? dist::TensorMap{{"frames", std::move(frames)}} : dist::TensorMap{};
  });
}

at::Tensor WanClipVae::encode(const at::Tensor& pixels) {
  const auto layers = layers_.enter();
  at::Tensor latents = layers->encoder.value().encode(pixels, tiling_, group())[0];
  require_finite(latents, "encode a picture", "latent");
  return latents;
}

const dist::Communicator* WanClipVae::group() const {
  return parallel_.size(dist::Team::clip) == 1 ? nullptr : &parallel_.team(dist::Team::clip);
}

void WanClipVae::require_finite(const at::Tensor& made, const char* doing, const char* what) const {
  bool finite = !made.defined() || at::isfinite(made).all().item<bool>();
  if (parallel_.size(dist::Team::clip) > 1) {
    finite = parallel_.host(dist::Team::clip).max(finite ? 0 : 1, dist::Purpose::agreement) == 0;
  }
  if (!finite) throw not_finite(doing, what);
}

}  // namespace ditmill::models
