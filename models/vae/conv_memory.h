#pragma once

#include <cstdint>

#include "configs/pipeline_config.h"
#include "models/cpu_kind.h"

namespace ditmill::models {

/// Maps of so many channels: a clip [1, C, T, H, W], or a batch of pictures [T, C, H, W].
struct Maps {
  std::uint64_t channels = 0;
  std::uint64_t frames = 0;
  std::uint64_t height = 0;
  std::uint64_t width = 0;

  std::uint64_t positions() const noexcept { return frames * height * width; }
  std::uint64_t values() const noexcept { return channels * positions(); }
};

/// A convolution whose stride is 1, of a clip (conv3d) or of pictures (conv2d).
struct Convolution {
  Maps in;  ///< padded, where padding is an operator of its own
  Maps out;
  std::uint64_t time = 1;  ///< of the kernel
  std::uint64_t edge = 1;
  bool pictures = false;  ///< a conv2d, which pads by itself
};

/// The most bytes that LibTorch 2.11 holds on such a CPU while it computes that, its result among them, its
/// argument not. Two ways: oneDNN's, which reorders argument and result into blocks of channels; and its own,
/// which lays out the argument once for each value of the kernel.
std::uint64_t convolution_bytes(const Convolution& convolution, configs::Dtype dtype, const CpuKind& cpu);

}  // namespace ditmill::models
