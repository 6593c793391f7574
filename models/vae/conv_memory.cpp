#include "models/vae/conv_memory.h"

#include <algorithm>

namespace ditmill::models {
namespace {

/// Up to so many values along all axes but the last, a float32 batch of one is none of oneDNN's.
constexpr std::uint64_t least_of_onednn = 20480;

std::uint64_t rounded_up(std::uint64_t value, std::uint64_t step) { return (value + step - 1) / step * step; }

std::uint64_t by_columns(const Convolution& c) {
  const std::uint64_t kernel = c.time * c.edge * c.edge;
  return c.out.values() + (kernel == 1 ? 0 : kernel * c.in.channels * c.out.positions());
}

std::uint64_t by_blocks(const Convolution& c, const CpuKind& cpu) {
  const std::uint64_t block = cpu.wide ? 16 : 8;
  const std::uint64_t in_channels = rounded_up(c.in.channels, block);
  const std::uint64_t out_channels = rounded_up(c.out.channels, block);
  const std::uint64_t in = in_channels * c.in.positions();
  const std::uint64_t out = out_channels * c.out.positions();
  return out + std::max(in, c.out.values()) + in_channels * out_channels * c.time * c.edge * c.edge;
}

}  // namespace

std::uint64_t convolution_bytes(const Convolution& c, configs::Dtype dtype, const CpuKind& cpu) {
  if (dtype == configs::Dtype::bfloat16) {
    constexpr std::uint64_t bytes = 2;
    return bytes * (cpu.native_bfloat16 ? by_blocks(c, cpu) : by_columns(c));
  }
  const bool many = c.pictures && c.in.frames > 1;
  const bool small = !many && c.in.channels * c.in.height * c.in.frames <= least_of_onednn;
  if (small) return sizeof(float) * by_columns(c);
  // A kernel of one pixel goes the one way with one thread and the other with more.
  if (c.edge == 1 && !many) return sizeof(float) * std::max(by_columns(c), by_blocks(c, cpu));
  return sizeof(float) * by_blocks(c, cpu);
}

}  // namespace ditmill::models
