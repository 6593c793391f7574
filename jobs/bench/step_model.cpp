#include "jobs/bench/step_model.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <string>
#include <utility>

namespace ditmill::jobs::bench {
namespace {

std::unique_ptr<models::DenoisingGenerator> generator_of(const StepSetup& setup,
                                                         const dist::ParallelContext& parallel,
                                                         RandomWeights weights, const at::Device& device) {
  models::LoadedModel model{.family = std::string(setup.family->name()),
                            .hyper_parameters = setup.hyper_parameters,
                            .weights = {},
                            .device = device,
                            .numerics = setup.pipeline.numerics,
                            .tokenizer = {}};
  model.weights[step_component] = std::move(weights.tensors);
  model.blocks[step_component] = std::move(weights.layouts);
  std::unique_ptr<models::ClipGenerator> generator = models::make_generator(model, setup.pipeline, parallel);
  if (dynamic_cast<models::DenoisingGenerator*>(generator.get()) == nullptr) {
    throw Error{Category::unsupported, "measure a step", Where{.key = model.family},
                Expected{"a family whose clips are denoised by turns"}};
  }
  return std::unique_ptr<models::DenoisingGenerator>(
      static_cast<models::DenoisingGenerator*>(generator.release()));
}

}  // namespace

StepModel::StepModel(const StepSetup& setup, const dist::ParallelContext& parallel, RandomWeights weights,
                     const at::Device& device)
    : setup_(setup),
      generator_(generator_of(setup, parallel, std::move(weights), device)),
      turn_(generator_->turns().front()),
      denoiser_(turn_.enter()) {}

models::DenoiseInput StepModel::clip(int number) const {
  models::ClipInput input{.request = setup_.request, .encoded = {}};
  input.request.seed = number;
  input.request.id = "clip " + std::to_string(number);
  for (const models::Encoding& task : setup_.family->encodings(setup_.pipeline)) {
    const at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(number));
    models::EncodedText& text = input.encoded[task.use].emplace_back();
    text.tokens = task.use == models::Use::positive ? 96 : 128;
    for (const auto& [name, shape] :
         setup_.family->embedding(setup_.hyper_parameters, task.encoder, text.tokens)) {
      text.tensors[name] = at::randn(shape, generator).to(denoiser_->options());
    }
  }
  return generator_->input_of(denoiser_->options(), input);
}

std::unique_ptr<models::ClipPasses> StepModel::passes() const {
  const auto& [channels, frames, height, width] = setup_.latent;
  return denoiser_->clip({1, channels, frames, height, width});
}

}  // namespace ditmill::jobs::bench
