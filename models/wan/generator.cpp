#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/denoise/denoising_generator.h"
#include "models/denoise/visiting_transformer.h"
#include "models/generator_table.h"
#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/text_encoders/umt5_text_encoder.h"
#include "models/vae/wan_clip_vae.h"
#include "models/wan/experts.h"
#include "models/wan/picture_condition.h"
#include "models/wan/picture_conditions.h"
#include "models/wan/sizes.h"
#include "models/wan/text_denoiser.h"
#include "models/wan/transformer.h"

namespace ditmill::models {
namespace {

/// The transformers of a model in the order of their turns.
std::vector<Visiting<wan::Transformer>> transformers_of(LoadedModel& model,
                                                        const configs::PipelineConfig& pipeline,
                                                        const dist::ParallelContext& parallel) {
  std::vector<Visiting<wan::Transformer>> transformers;
  for (const char* name : {"transformer", "transformer_2"}) {
    const auto known = model.hyper_parameters.find(name);
    if (known == model.hyper_parameters.end()) continue;
    transformers.push_back(transformer_of<wan::Transformer>(model, name, wan::dims_from_json(known->second),
                                                            pipeline, parallel));
  }
  return transformers;
}

/// Wan text-to-video: one transformer or two experts, and the VAE, on their weights' device.
class WanGenerator final : public DenoisingGenerator {
 public:
  WanGenerator(LoadedModel& model, const configs::PipelineConfig& pipeline,
               const dist::ParallelContext& parallel)
      : DenoisingGenerator(pipeline, parallel),
        dims_(wan::dims_of(model.hyper_parameters)),
        transformers_(transformers_of(model, pipeline, parallel)) {
    const bool takes_pictures = wan::takes_condition(dims_) || wan::takes_first_frame(dims_);
    if (model.hyper_parameters.contains("vae")) vae_.emplace(model, pipeline, parallel, takes_pictures);
    if (takes_pictures && vae_) pictures_.emplace(model, dims_, parallel, *vae_);
  }

  std::size_t clips_at_once() const noexcept override { return wan::clips_together(pipeline()); }

  void look_ahead(const configs::Request& request) override {
    if (pictures_) pictures_->look_ahead(request);
  }

  std::vector<Turn> turns() override {
    const auto turn = [this](std::size_t expert, double scale, StepRange steps) {
      return Turn{
          .enter =
              [this, expert] {
                return std::make_unique<Present<wan::Transformer, wan::TextDenoiser>>(transformers_[expert]);
              },
          .guidance = make_guidance(pipeline().guided(), scale),
          .steps = steps};
    };
    const int steps = pipeline().steps;
    const double scale = pipeline().guidance_scale;
    if (transformers_.size() == 1) return {turn(0, scale, {0, steps})};
    const int high = steps_above(*sampler(), wan::boundary(pipeline()));
    return {turn(0, scale, {0, high}), turn(1, wan::low_noise_guidance(pipeline()), {high, steps})};
  }

  DenoiseInput input_of(const at::TensorOptions& options, const ClipInput& clip) override {
    DenoiseInput input;
    input.noise =
        initial_noise(clip.request.seed, wan::latent_shape(dims_, clip.request)).to(options.device());
    dist::TensorMap of_pictures;
    if (pictures_) {
      of_pictures = pictures_->told(clip.request);
    } else if (wan::takes_condition(dims_)) {  // without a VAE there is nothing but noise
      of_pictures = wan::blank_pictures(dims_, input.noise.sizes());
    }
    for (const auto& [use, encoded] : clip.encoded) {
      // In the encoder's type: each expert has its own.
      const at::Tensor& text = encoded.front().tensors.at("text");
      dist::TensorMap& told =
          input.told.emplace_back(wan::told_text(text, options.dtype(text.scalar_type())));
      told.insert(of_pictures.begin(), of_pictures.end());
    }
    input.item = clip.request.id;
    input.sampler = sampler();
    return input;
  }

  /// The first frame of TI2V stays as it was given.
  at::Tensor concluded(at::Tensor latents, const ClipInput& clip) override {
    if (!pictures_ || wan::takes_condition(dims_)) return latents;
    const dist::TensorMap told = pictures_->told(clip.request);
    const auto first = told.find("first");
    return first == told.end() ? latents : wan::with_first_frame(latents, first->second[0]);
  }

  dist::TensorMap decode(const at::Tensor& latents) override { return vae_.value().decode(latents); }

 private:
  std::unique_ptr<Sampler> sampler() const {
    return make_sampler(pipeline().solver, pipeline().steps, pipeline().flow_shift);
  }

  wan::Dims dims_;
  std::vector<Visiting<wan::Transformer>> transformers_;
  std::optional<WanClipVae> vae_;
  std::optional<wan::PictureConditions> pictures_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_wan_text_encoder(LoadedModel& model,
                                                   const dist::ParallelContext& parallel) {
  return make_umt5_text_encoder(model, parallel);
}

std::unique_ptr<ClipGenerator> make_wan_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                                  const dist::ParallelContext& parallel) {
  return std::make_unique<WanGenerator>(model, pipeline, parallel);
}

}  // namespace ditmill::models
