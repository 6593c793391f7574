#include "models/vae/dealt_tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "dist/comm/tensors.h"

namespace ditmill::models {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr std::size_t height_dim = 3;
constexpr std::size_t width_dim = 4;

std::int64_t tiles_along(std::int64_t extent, const TileAxis& axis) {
  return (extent + axis.stride - 1) / axis.stride;
}

std::int64_t extent_of(std::int64_t extent, const TileAxis& axis, std::int64_t index) {
  return std::min(axis.size, extent - index * axis.stride);
}

/// The tiles of a picture, numbered row by row, and who makes which.
class Deal {
 public:
  Deal(const Shape& shape, const TileGrid& grid, int ranks)
      : shape_(shape),
        grid_(grid),
        ranks_(ranks),
        columns_(tiles_along(shape[width_dim], grid.width)),
        count_(tiles_along(shape[height_dim], grid.height) * columns_) {}

  std::int64_t count() const noexcept { return count_; }
  int ranks() const noexcept { return ranks_; }
  std::int64_t row(std::int64_t tile) const noexcept { return tile / columns_; }
  std::int64_t column(std::int64_t tile) const noexcept { return tile % columns_; }
  int maker(std::int64_t tile) const noexcept { return static_cast<int>(tile % ranks_); }
  Shape shape(std::int64_t tile) const {
    Shape shape = shape_;
    shape[height_dim] = extent_of(shape_[height_dim], grid_.height, row(tile));
    shape[width_dim] = extent_of(shape_[width_dim], grid_.width, column(tile));
    return shape;
  }

 private:
  const Shape& shape_;
  const TileGrid& grid_;
  int ranks_;
  std::int64_t columns_;
  std::int64_t count_;
};

/// Makes this rank's tiles and gives them to rank 0: each travels while the next one is made.
void make_and_send(const Deal& deal, const MakeTile& make, const dist::Communicator& group) {
  dist::PendingTensors pending;
  for (std::int64_t tile = group.rank(); tile < deal.count(); tile += group.size()) {
    const at::Tensor made = make(deal.row(tile), deal.column(tile));
    if (pending) pending.wait();
    pending = dist::start_send(group, made, 0, dist::Purpose::pictures);
  }
  if (pending) pending.wait();
}

/// The tiles of other ranks, asked for in order. There is room for those of a round only.
class Arrivals {
 public:
  Arrivals(const Deal& deal, const at::TensorOptions& options, const dist::Communicator& group)
      : deal_(deal), options_(options), group_(group) {}

  /// Makes ready for all tiles before `end`.
  void post(std::int64_t end) {
    for (; posted_ < std::min(end, deal_.count()); ++posted_) {
      if (deal_.maker(posted_) == group_.rank()) continue;
      pending_.push_back(dist::start_receive(group_, deal_.maker(posted_), deal_.shape(posted_), options_,
                                             dist::Purpose::pictures));
    }
  }
  at::Tensor next() {
    at::Tensor tile = std::move(pending_.front().wait().front());
    pending_.pop_front();
    return tile;
  }

 private:
  const Deal& deal_;
  const at::TensorOptions& options_;
  const dist::Communicator& group_;
  std::deque<dist::PendingTensors> pending_;
  std::int64_t posted_ = 0;
};

}  // namespace

at::Tensor deal_tiles(const Shape& shape, const at::TensorOptions& options, const TileGrid& grid,
                      const MakeTile& make, const dist::Communicator* group) {
  if (group == nullptr || group->size() == 1) {
    at::Tensor out = at::empty(shape, options);
    blend_tiles(out, grid, make);
    return out;
  }
  const Deal deal(shape, grid, group->size());
  if (group->rank() != 0) {
    make_and_send(deal, make, *group);
    Shape none = shape;
    none[height_dim] = 0;
    return at::empty(none, options);
  }
  at::Tensor out = at::empty(shape, options);
  Arrivals arrivals(deal, options, *group);
  std::int64_t tile = 0;
  blend_tiles(out, grid, [&](std::int64_t row, std::int64_t column) {
    // Before this rank is busy with a tile of its own, the others of its round may come.
    arrivals.post(tile + deal.ranks());
    return deal.maker(tile++) == 0 ? make(row, column) : arrivals.next();
  });
  return out;
}

}  // namespace ditmill::models
