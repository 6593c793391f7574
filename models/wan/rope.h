#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <list>

namespace ditmill::models::wan {

/// Cosines and sines of one latent's tokens: [1, tokens, 1, head_dim/2], float32.
struct RopeTable {
  at::Tensor cos;
  at::Tensor sin;
};

/// Tokens of a latent along time, height and width.
using Grid = std::array<std::int64_t, 3>;

/// Rotary position embedding over (time, height, width): a third of the head's pairs each, time takes what is
/// left over; angles position / 10000^(2i/n), computed in float64 and rounded once to float32.
class Rope {
 public:
  /// Tables are made on the host, and kept on `device`.
  explicit Rope(std::int64_t head_dim, const at::Device& device = at::kCPU)
      : head_dim_(head_dim), device_(device) {}

  /// The table of a grid; tokens are ordered time, height, width (fastest). The last few grids are kept.
  /// Not thread-safe.
  const RopeTable& table(const Grid& grid);

 private:
  struct Kept {
    Grid grid{};
    RopeTable table;
  };

  std::int64_t head_dim_;
  at::Device device_;
  std::list<Kept> kept_;
};

}  // namespace ditmill::models::wan
