#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "configs/error.h"
#include "models/generator_table.h"
#include "models/guidance.h"
#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/text/clean.h"
#include "models/text_encoders/umt5.h"
#include "models/tokenizers/tokenizer.h"
#include "models/vae/wan_decoder.h"
#include "models/wan/denoise.h"
#include "models/wan/sizes.h"
#include "models/wan/transformer.h"

namespace ditmill::models {
namespace {

dist::TensorMap take_weights(LoadedModel& model, std::string_view role) {
  const auto found = model.weights.find(role);
  return found == model.weights.end() ? dist::TensorMap{} : std::move(found->second);
}

/// Builds one component's layers from its weights, and accounts for every tensor.
template <typename Layers, typename... Arguments>
Layers build(LoadedModel& model, const char* role, const Arguments&... arguments) {
  const WeightsView weights(take_weights(model, role), role);
  Layers layers(weights, arguments...);
  weights.finish();
  return layers;
}

void require_finite(const at::Tensor& values, const char* doing, const char* what) {
  if (at::isfinite(values).all().item<bool>()) return;
  throw Error{Category::numeric,
              doing,
              {},
              Expected{std::string("a finite ") + what},
              Got{"NaN or infinity"},
              "float32 for this component may help; else its weights are damaged"};
}

/// Wan text-to-video: UMT5, transformer and VAE on this rank's host memory.
class WanGenerator final : public ClipGenerator {
 public:
  WanGenerator(LoadedModel model, const configs::PipelineConfig& pipeline,
               const dist::ParallelContext& parallel)
      : pipeline_(pipeline),
        tokenizer_(make_tokenizer(model.tokenizer)),
        text_encoder_(
            build<Umt5Encoder>(model, "text_encoder", model.hyper_parameters.at("text_encoder"), parallel)),
        transformer_(build<wan::Transformer>(
            model, "dit", wan::dims_from_json(model.hyper_parameters.at("dit")), parallel)),
        decoder_(build<WanDecoder>(model, "vae", model.hyper_parameters.at("vae"))) {}

  at::Tensor encode_text(const std::string& text) override {
    return guarded([&] {
      const std::vector<int> ids = tokenizer_->encode(clean_prompt(text), static_cast<int>(wan::text_tokens));
      // A copy: a view of the padded embedding would keep all 512 rows alive.
      at::Tensor embedding = text_encoder_.encode(ids).clone(at::MemoryFormat::Contiguous);
      require_finite(embedding, "encode the text", "embedding");
      return embedding;
    });
  }

  at::Tensor denoise(const configs::Request& request, const at::Tensor& text,
                     const at::Tensor& negative) override {
    return guarded([&] {
      wan::DenoiseInput input;
      input.noise = initial_noise(request.seed, wan::latent_shape(transformer_.dims(), request));
      input.text = wan::pad_text(text, transformer_.dtype());
      input.guidance_scale = pipeline_.guidance_scale;
      input.item = request.id;
      if (guided(input.guidance_scale)) input.negative = wan::pad_text(negative, transformer_.dtype());
      const auto sampler = make_sampler(pipeline_.solver, pipeline_.steps, pipeline_.flow_shift);
      return wan::denoise(transformer_, *sampler, input)[0].to(at::kFloat).contiguous();
    });
  }

  at::Tensor decode(const at::Tensor& latents) override {
    return guarded([&] {
      const at::Tensor decoded = decoder_.decode(latents, pipeline_.components.at("vae").tiling);
      require_finite(decoded, "decode the latents", "picture");
      return to_frames(decoded);
    });
  }

 private:
  template <typename Body>
  at::Tensor guarded(const Body& body) {
    at::Tensor result;
    translate_errors([&] {
      const c10::InferenceMode inference;
      result = body();
    });
    return result;
  }

  configs::PipelineConfig pipeline_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  Umt5Encoder text_encoder_;
  wan::Transformer transformer_;
  WanDecoder decoder_;
};

}  // namespace

std::unique_ptr<ClipGenerator> make_wan_generator(LoadedModel model, const configs::PipelineConfig& pipeline,
                                                  const dist::ParallelContext& parallel) {
  return std::make_unique<WanGenerator>(std::move(model), pipeline, parallel);
}

}  // namespace ditmill::models
