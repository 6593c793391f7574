#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <utility>

#include "models/denoise/denoising_generator.h"
#include "models/denoise/visiting_transformer.h"
#include "models/family.h"
#include "models/generator_table.h"
#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/text_encoders/umt5_text_encoder.h"
#include "models/toy/transformer.h"
#include "models/vae/wan_clip_vae.h"

namespace ditmill::models {
namespace {

/// Text to picture: the transformer, and Wan's VAE.
class ToyGenerator final : public DenoisingGenerator {
 public:
  ToyGenerator(LoadedModel& model, const configs::PipelineConfig& pipeline,
               const dist::ParallelContext& parallel)
      : DenoisingGenerator(pipeline, parallel),
        hyper_parameters_(model.hyper_parameters),
        transformer_(transformer_of<toy::Transformer>(
            model, "transformer", toy::dims_from_json(model.hyper_parameters.at("transformer")), pipeline,
            parallel)) {
    if (model.hyper_parameters.contains("vae")) vae_.emplace(model, pipeline, parallel);
  }

  std::vector<Turn> turns() override {
    return {{.enter =
                 [this] {
                   return std::make_unique<Present<toy::Transformer, toy::ToyDenoiser>>(
                       transformer_, toy::detail_of(pipeline()));
                 },
             .guidance = make_guidance(pipeline().guided(), pipeline().guidance_scale),
             .steps = {0, pipeline().steps}}};
  }

  DenoiseInput input_of(const at::TensorOptions& options, const ClipInput& clip) override {
    const std::array<std::int64_t, 4> shape =
        family_named("toy").latent_shape(hyper_parameters_, clip.request);
    const at::Tensor style = at::full({1}, toy::style_of(clip.request), options.dtype(at::kLong));
    DenoiseInput input{.noise = initial_noise(clip.request.seed, shape).to(options.device()),
                       .item = clip.request.id,
                       .sampler = make_sampler(pipeline().solver, pipeline().steps, pipeline().flow_shift)};
    for (const auto& [use, encoded] : clip.encoded) {
      const at::Tensor rows = encoded.front().tensors.at("text").to(at::kFloat);
      input.told.push_back({{"text", rows.mean(0, /*keepdim=*/true).to(options)}, {"style", style}});
    }
    return input;
  }

  dist::TensorMap decode(const at::Tensor& latents) override {
    dist::TensorMap outputs = vae_.value().decode(latents);
    if (const auto frames = outputs.find("frames"); frames != outputs.end()) {
      at::Tensor tones = frames->second[0].to(at::kFloat).mean(1).t().contiguous();
      outputs["toy_tones"] = std::move(tones);
    }
    return outputs;
  }

 private:
  HyperParameters hyper_parameters_;
  Visiting<toy::Transformer> transformer_;
  std::optional<WanClipVae> vae_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_toy_text_encoder(LoadedModel& model,
                                                   const dist::ParallelContext& parallel) {
  return make_umt5_text_encoder(model, parallel);
}

std::unique_ptr<ClipGenerator> make_toy_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                                  const dist::ParallelContext& parallel) {
  return std::make_unique<ToyGenerator>(model, pipeline, parallel);
}

}  // namespace ditmill::models
