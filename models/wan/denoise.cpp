#include "models/wan/denoise.h"

#include <ATen/ATen.h>

#include "configs/error.h"
#include "models/guidance.h"

namespace ditmill::models::wan {
namespace {

void require_finite(const at::Tensor& latents, int step, const Sampler& sampler, const std::string& item) {
  if (at::isfinite(latents).all().item<bool>()) return;
  throw Error{Category::numeric,
              "denoise",
              Where{.item = item},
              Expected{"finite latents"},
              Got{"NaN or infinity, first after step " + std::to_string(step + 1) + " of " +
                  std::to_string(sampler.steps())},
              "float32 for the dit, or a smaller guidance_scale, may help; else the weights are damaged"};
}

}  // namespace

at::Tensor pad_text(const at::Tensor& embedding, const at::TensorOptions& options) {
  at::Tensor padded = at::zeros({1, text_tokens, embedding.size(1)}, options);
  padded[0].narrow(0, 0, embedding.size(0)).copy_(embedding);
  return padded;
}

at::Tensor denoise(Transformer& transformer, Sampler& sampler, const DenoiseInput& input) {
  at::Tensor latents = input.noise;
  for (int step = 0; step < sampler.steps(); ++step) {
    const at::Tensor model_input = latents.to(transformer.dtype());
    const at::Tensor timestep = at::full({1}, sampler.timestep(step), latents.options().dtype(at::kFloat));
    at::Tensor flow = transformer(model_input, timestep, input.text);
    if (guided(input.guidance_scale)) {
      flow = guide(flow, transformer(model_input, timestep, input.negative), input.guidance_scale);
    }
    latents = sampler.advance(flow, latents);
    require_finite(latents, step, sampler, input.item);
  }
  return latents;
}

}  // namespace ditmill::models::wan
