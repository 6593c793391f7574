#include "models/vae/patches.h"

#include <ATen/ATen.h>

namespace ditmill::models {
namespace {

/// Pixels as [1, C, T, H / edge, row, W / edge, column]: a view.
at::Tensor by_patch(const at::Tensor& pixels, std::int64_t edge) {
  return pixels.view(
      {1, pixels.size(1), pixels.size(2), pixels.size(3) / edge, edge, pixels.size(4) / edge, edge});
}

}  // namespace

at::Tensor to_patches(const at::Tensor& pixels, std::int64_t edge) {
  if (edge == 1) return pixels;
  return by_patch(pixels, edge)
      .permute({0, 1, 6, 4, 2, 3, 5})
      .reshape(
          {1, pixels.size(1) * edge * edge, pixels.size(2), pixels.size(3) / edge, pixels.size(4) / edge});
}

void put_patches(const at::Tensor& patches, const at::Tensor& out) {
  const std::int64_t frames = patches.size(2), height = patches.size(3), width = patches.size(4);
  const std::int64_t edge = out.size(4) / width;
  const at::Tensor split = patches.view({1, out.size(1), edge, edge, frames, height, width});
  by_patch(out, edge).copy_(split.permute({0, 1, 4, 5, 3, 6, 2}));
}

at::Tensor to_pixels(const at::Tensor& patches, std::int64_t edge) {
  if (edge == 1) return patches;
  at::Tensor pixels = at::empty(
      {1, patches.size(1) / (edge * edge), patches.size(2), edge * patches.size(3), edge * patches.size(4)},
      patches.options());
  put_patches(patches, pixels);
  return pixels;
}

}  // namespace ditmill::models
