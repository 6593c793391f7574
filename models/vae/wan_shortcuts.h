#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// How the input of a level of Wan 2.2's VAE comes to its output: without weights (diffusers' AvgDown3D and
/// DupUp3D). Maps are [1, C, T, H, W].
namespace ditmill::models {

/// Factors between the sizes of two levels.
struct LevelStep {
  std::int64_t time = 1;  ///< 1 or 2
  std::int64_t edge = 1;

  std::int64_t values() const noexcept { return time * edge * edge; }
};

/// x of size [1, C, T, H, W] at the next smaller level: [1, channels, T / time, H / edge, W / edge], each
/// value the mean of C step.values() / channels of the C step.values() ones that lie at its place, ordered by
/// channel, frame, row, column. A frame that is left over has zeros before it. `channels` divides
/// C step.values(), edge divides H and W.
at::Tensor mean_of_finer(const at::Tensor& x, std::int64_t channels, const LevelStep& step);

/// Adds to y [1, C', time T, edge H, edge W] what x [1, C, T, H, W] is at the next larger level: the
/// C' step.values() values at a place, ordered as above, are the C ones of x, each so many times in a row.
/// A y of T frames (a clip's first one, which is not doubled) gets the last of each place's. C divides
/// C' step.values().
void add_coarser(at::Tensor& y, const at::Tensor& x, const LevelStep& step);

}  // namespace ditmill::models
