#include "models/wan/rope.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ditmill::models::wan {
namespace {

// A job has few sizes; a table of 32,760 tokens at width 128 takes 17 MB.
constexpr std::size_t tables_kept = 4;

/// Angles [positions, width/2] of one axis, float64.
at::Tensor angles(std::int64_t positions, std::int64_t width) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor exponents = at::arange(0, width, 2, options) / width;
  const at::Tensor frequencies = at::reciprocal(at::pow(10000.0, exponents));
  return at::outer(at::arange(positions, options), frequencies);
}

RopeTable make_table(const Grid& grid, std::int64_t head_dim) {
  const std::int64_t space = 2 * (head_dim / 6);
  const std::array<std::int64_t, 3> widths{head_dim - 2 * space, space, space};
  std::vector<at::Tensor> cos;
  std::vector<at::Tensor> sin;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const at::Tensor angle = angles(grid[axis], widths[axis]);
    std::array<std::int64_t, 4> shape{1, 1, 1, -1};
    shape[axis] = grid[axis];
    const std::array<std::int64_t, 4> whole{grid[0], grid[1], grid[2], angle.size(1)};
    shape[3] = angle.size(1);
    cos.push_back(angle.cos().to(at::kFloat).view(shape).expand(whole));
    sin.push_back(angle.sin().to(at::kFloat).view(shape).expand(whole));
  }
  const std::array<std::int64_t, 4> flat{1, grid[0] * grid[1] * grid[2], 1, head_dim / 2};
  return {at::cat(cos, -1).reshape(flat), at::cat(sin, -1).reshape(flat)};
}

}  // namespace

const RopeTable& Rope::table(const Grid& grid) {
  const auto found = std::ranges::find(kept_, grid, &Kept::grid);
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
  } else {
    const RopeTable made = make_table(grid, head_dim_);
    kept_.push_front({grid, {made.cos.to(device_), made.sin.to(device_)}});
    if (kept_.size() > tables_kept) kept_.pop_back();
  }
  return kept_.front().table;
}

}  // namespace ditmill::models::wan
