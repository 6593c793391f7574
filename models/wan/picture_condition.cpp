#include "models/wan/picture_condition.h"

#include <ATen/ATen.h>

#include <vector>

namespace ditmill::models::wan {

at::Tensor conditioned_frames(const at::Tensor& first, const at::Tensor& last, std::int64_t frames) {
  at::Tensor clip = at::zeros({1, first.size(0), frames, first.size(1), first.size(2)}, first.options());
  clip.select(2, 0).copy_(first);
  if (last.defined()) clip.select(2, frames - 1).copy_(last);
  return clip;
}

at::Tensor condition_mask(std::int64_t frames, std::int64_t scale, bool ends_with_picture,
                          std::int64_t height, std::int64_t width) {
  at::Tensor given = at::zeros({frames - 1 + scale}, at::kFloat);
  given.narrow(0, 0, scale).fill_(1);
  if (ends_with_picture) given[-1] = 1;
  const at::Tensor by_latent_frame = given.view({-1, scale}).t();
  return by_latent_frame.unsqueeze(-1).unsqueeze(-1).expand({-1, -1, height, width});
}

at::Tensor with_first_frame(const at::Tensor& latents, const at::Tensor& first) {
  const std::int64_t frames = latents.dim() - 3;
  return at::cat({first.to(latents.options()), latents.narrow(frames, 1, latents.size(frames) - 1)}, frames);
}

dist::TensorMap blank_pictures(const Dims& dims, at::IntArrayRef latents) {
  std::vector<std::int64_t> shape = latents.vec();
  shape[1] = dims.in_channels - dims.out_channels;
  dist::TensorMap told{{"condition", at::zeros(shape, at::kFloat)}};
  if (dims.takes_pictures()) {
    told.emplace("image", at::zeros({1, image_tokens_of(dims), dims.image_dim}, at::kFloat));
  }
  return told;
}

}  // namespace ditmill::models::wan
