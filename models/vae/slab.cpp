#include "models/vae/slab.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "dist/comm/tensors.h"

namespace ditmill::models {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr std::int64_t row_dim = -2;

at::Tensor first_rows(const at::Tensor& maps, std::int64_t count) { return maps.narrow(row_dim, 0, count); }

at::Tensor last_rows(const at::Tensor& maps, std::int64_t count) {
  return maps.narrow(row_dim, maps.size(row_dim) - count, count);
}

Shape with_size(const at::Tensor& maps, std::int64_t dim, std::int64_t size) {
  Shape shape = maps.sizes().vec();
  shape[static_cast<std::size_t>(dim)] = size;
  return shape;
}

}  // namespace

Slab::Slab(const dist::Communicator* group, std::int64_t latent_rows) : latent_rows_(latent_rows) {
  if (group == nullptr) return;
  group_ = group;
  rank_ = group->rank();
  slabs_ = static_cast<int>(std::min<std::int64_t>(group->size(), latent_rows));
}

dist::Range Slab::rows_of(int rank) const noexcept {
  return rank < slabs_ ? dist::share(latent_rows_, rank, slabs_) : dist::Range{};
}

std::vector<std::int64_t> Slab::rows(std::int64_t scale) const {
  std::vector<std::int64_t> sizes;
  const int ranks = group_ == nullptr ? 1 : group_->size();
  for (int rank = 0; rank < ranks; ++rank) sizes.push_back(scale * rows_of(rank).size());
  return sizes;
}

at::Tensor Slab::part(const at::Tensor& maps) const {
  const std::int64_t scale = maps.size(row_dim) / latent_rows_;
  const dist::Range range = rows_of(rank_);
  return maps.narrow(row_dim, scale * range.begin, scale * range.size());
}

at::Tensor Slab::with_halo(const at::Tensor& maps, std::int64_t above, std::int64_t below) const {
  if (!cut()) return maps;
  const bool has_above = rank_ > 0;
  const bool has_below = rank_ + 1 < slabs_;
  const auto ranks = static_cast<std::size_t>(group_->size());
  const auto mine = static_cast<std::size_t>(rank_);
  // What is above here is below there.
  std::vector<at::Tensor> send(ranks, first_rows(maps, 0));
  std::vector<Shape> shapes(ranks, Shape{0});
  const std::int64_t row_index = maps.dim() + row_dim;
  if (has_above) {
    send[mine - 1] = first_rows(maps, below);
    shapes[mine - 1] = with_size(maps, row_index, above);
  }
  if (has_below) {
    send[mine + 1] = last_rows(maps, above);
    shapes[mine + 1] = with_size(maps, row_index, below);
  }
  const std::vector<at::Tensor> got =
      dist::start_all_to_all(*group_, std::move(send), shapes, dist::Purpose::pictures).wait();
  const auto beyond = [&](bool exists, std::size_t rank, std::int64_t count) {
    return exists ? got[rank] : at::zeros(with_size(maps, row_index, count), maps.options());
  };
  return at::cat({beyond(has_above, mine - 1, above), maps, beyond(has_below, mine + 1, below)}, row_index);
}

at::Tensor Slab::all_rows(const at::Tensor& part, std::int64_t dim, std::int64_t scale) const {
  return gather(part, dim, scale, slabs_);
}

at::Tensor Slab::rows_on_first(const at::Tensor& part, std::int64_t dim, std::int64_t scale) const {
  return gather(part, dim, scale, 1);
}

at::Tensor Slab::gather(const at::Tensor& part, std::int64_t dim, std::int64_t scale, int receivers) const {
  if (!cut()) return rank_ < receivers ? part : at::Tensor();
  const at::Tensor dense = part.contiguous();
  const auto ranks = static_cast<std::size_t>(group_->size());
  std::vector<at::Tensor> send(ranks, dense.narrow(dim, 0, 0));
  std::fill_n(send.begin(), receivers, dense);
  std::vector<Shape> shapes(ranks, Shape{0});
  if (rank_ < receivers) {
    const std::vector<std::int64_t> sizes = rows(scale);
    for (std::size_t i = 0; i < ranks; ++i) shapes[i] = with_size(part, dim, sizes[i]);
  }
  const std::vector<at::Tensor> got =
      dist::start_all_to_all(*group_, std::move(send), shapes, dist::Purpose::pictures).wait();
  return rank_ < receivers ? at::cat(got, dim) : at::Tensor();
}

}  // namespace ditmill::models
