#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// Pictures as patches of edge x edge pixels, a channel for each of a patch's: channel, column, row, the last
/// fastest (diffusers' patchify). Maps are [1, C, T, H, W].
namespace ditmill::models {

/// Pixels [1, C, T, H, W] -> [1, C edge^2, T, H / edge, W / edge]; edge divides H and W.
at::Tensor to_patches(const at::Tensor& pixels, std::int64_t edge);
/// Fills `out`, which has the pixels of the patches [1, C edge^2, T, H, W]: [1, C, T, edge H, edge W]; or,
/// where it is of their own shape, the patches.
void put_patches(const at::Tensor& patches, const at::Tensor& out);
/// The pixels of patches of so many along an edge.
at::Tensor to_pixels(const at::Tensor& patches, std::int64_t edge);

}  // namespace ditmill::models
