#include "models/vae/wan_clip_decoder.h"

#include <ATen/ATen.h>

#include <utility>

#include "models/generator_parts.h"

namespace ditmill::models {
namespace {

Visiting<WanDecoder> decoder_of(LoadedModel& model) {
  return {[hyper_parameters = model.hyper_parameters.at("vae")](dist::TensorMap weights) {
            return build<WanDecoder>(std::move(weights), "vae", hyper_parameters);
          },
          taken(model.weights, "vae"), taken(model.offloaded, "vae"), model.device};
}

}  // namespace

WanClipDecoder::WanClipDecoder(LoadedModel& model, const configs::PipelineConfig& pipeline,
                               const dist::ParallelContext& parallel)
    : tiling_(pipeline.components.at("vae").tiling), parallel_(parallel), decoder_(decoder_of(model)) {}

dist::TensorMap WanClipDecoder::operator()(const at::Tensor& latents) {
  return guarded([&] {
    const bool alone = parallel_.size(dist::Team::clip) == 1;
    const dist::Communicator* group = alone ? nullptr : &parallel_.team(dist::Team::clip);
    const auto decoder = decoder_.enter();
    const at::Tensor decoded = decoder->decode(latents, tiling_, group);
    require_finite(decoded);
    at::Tensor frames = decoder->gather_frames(decoded, latents, tiling_, group);
    return frames.defined() ? dist::TensorMap{{"frames", std::move(frames)}} : dist::TensorMap{};
  });
}

void WanClipDecoder::require_finite(const at::Tensor& decoded) const {
  bool finite = !decoded.defined() || at::isfinite(decoded).all().item<bool>();
  if (parallel_.size(dist::Team::clip) > 1) {
    finite = parallel_.host(dist::Team::clip).max(finite ? 0 : 1, dist::Purpose::agreement) == 0;
  }
  if (!finite) throw not_finite("decode the latents", "picture");
}

}  // namespace ditmill::models
