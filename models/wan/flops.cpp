#include "models/wan/flops.h"

#include "models/wan/sizes.h"

namespace ditmill::models::wan {

DenoiseFlops denoise_flops(const Dims& dims, const configs::PipelineConfig& pipeline,
                           const configs::Request& request) {
  const std::array<std::int64_t, 4> latent = latent_shape(dims, request);
  const std::int64_t patches = latent[1] * (latent[2] / patch_edge) * (latent[3] / patch_edge);
  const auto tokens = static_cast<double>(patches);
  const auto width = static_cast<double>(dims.dim);
  const auto seen = static_cast<double>(text_tokens + image_tokens_of(dims));
  const int passes = pipeline.guided() ? 2 : 1;
  const double blocks = static_cast<double>(dims.layers) * pipeline.steps * passes;
  const double a_token =
      12 * width * width + 4 * seen * width + 4 * width * static_cast<double>(dims.ffn_dim);
  return {.linear = blocks * (tokens * a_token + 4 * seen * width * width),
          .quadratic = blocks * 4 * tokens * tokens * width};
}

}  // namespace ditmill::models::wan
