#include <ATen/ATen.h>

#include <array>

#include "models/denoise/denoise_clips.h"
#include "models/denoise/visiting_transformer.h"
#include "models/family.h"
#include "models/generator_table.h"
#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/text_encoders/umt5_text_encoder.h"
#include "models/toy/transformer.h"
#include "models/vae/wan_clip_decoder.h"

namespace ditmill::models {
namespace {

/// Text to picture: the transformer, and Wan's VAE.
class ToyGenerator final : public ClipGenerator {
 public:
  ToyGenerator(LoadedModel& model, const configs::PipelineConfig& pipeline,
               const dist::ParallelContext& parallel)
      : hyper_parameters_(model.hyper_parameters),
        pipeline_(pipeline),
        parallel_(parallel),
        transformer_(transformer_of<toy::Transformer>(
            model, "transformer", toy::dims_from_json(model.hyper_parameters.at("transformer")), pipeline,
            parallel)),
        decoder_(model, pipeline, parallel) {}

  std::vector<ClipLatents> denoise(std::span<const ClipInput> clips, const dist::Tell& tell) override {
    const double detail = toy::detail_of(pipeline_);
    const std::array turns{Turn{.enter =
                                    [&] {
                                      return std::make_unique<Present<toy::Transformer, toy::ToyDenoiser>>(
                                          transformer_, detail);
                                    },
                                .guidance = make_guidance(pipeline_.guided(), pipeline_.guidance_scale),
                                .steps = {0, pipeline_.steps}}};
    const MakeInput make_input = [this](const at::TensorOptions& options, const ClipInput& clip) {
      return input_of(options, clip);
    };
    return denoise_clips(clips, turns, pipeline_.steps, make_input, parallel_, tell);
  }

  at::Tensor decode(const at::Tensor& latents) override { return decoder_(latents); }

 private:
  DenoiseInput input_of(const at::TensorOptions& options, const ClipInput& clip) const {
    const std::array<std::int64_t, 4> shape =
        family_named("toy").latent_shape(hyper_parameters_, clip.request);
    const at::Tensor style = at::full({1}, toy::style_of(clip.request), options.dtype(at::kLong));
    DenoiseInput input{.noise = initial_noise(clip.request.seed, shape).to(options.device()),
                       .item = clip.request.id,
                       .sampler = make_sampler(pipeline_.solver, pipeline_.steps, pipeline_.flow_shift)};
    for (const auto& [use, encoded] : clip.encoded) {
      const at::Tensor rows = encoded.front().tensors.at("text").to(at::kFloat);
      input.told.push_back({{"text", rows.mean(0, /*keepdim=*/true).to(options)}, {"style", style}});
    }
    return input;
  }

  HyperParameters hyper_parameters_;
  configs::PipelineConfig pipeline_;
  dist::ParallelContext parallel_;
  Visiting<toy::Transformer> transformer_;
  WanClipDecoder decoder_;
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
