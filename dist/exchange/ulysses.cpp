#include "dist/exchange/ulysses.h"

#include <ATen/ATen.h>

#include <utility>

namespace ditmill::dist {
namespace {

constexpr std::int64_t token_axis = 1;
constexpr std::int64_t head_axis = 2;

}  // namespace

Ulysses::Ulysses(const ParallelContext& parallel, const TokenShares& shares, std::int64_t heads)
    : comm_(parallel.degree(Axis::ulysses) == 1 ? nullptr : &parallel.team(Team::ulysses)),
      tokens_(shares.row_sizes()),
      place_(static_cast<std::size_t>(parallel.index(Axis::ulysses))) {
  const int degree = parallel.degree(Axis::ulysses);
  for (int rank = 0; rank < degree; ++rank) heads_.push_back(share(heads, rank, degree).size());
}

PendingTensors Ulysses::give_tokens(const at::Tensor& x) const {
  if (comm_ == nullptr) return {Request{}, {}, {x}};
  std::vector<std::vector<std::int64_t>> shapes;
  for (const std::int64_t tokens : tokens_) shapes.push_back({x.size(0), tokens, heads_[place_], x.size(3)});
  return start_all_to_all(*comm_, x.split_with_sizes(heads_, head_axis), shapes, Purpose::ulysses);
}

at::Tensor Ulysses::join_tokens(PendingTensors pending) const {
  const std::vector<at::Tensor> parts = pending.wait();
  return parts.size() == 1 ? parts.front() : at::cat(parts, token_axis);
}

at::Tensor Ulysses::give_heads(const at::Tensor& x) const {
  if (comm_ == nullptr) return x;
  std::vector<std::vector<std::int64_t>> shapes;
  for (const std::int64_t heads : heads_) shapes.push_back({x.size(0), tokens_[place_], heads, x.size(3)});
  return at::cat(
      start_all_to_all(*comm_, x.split_with_sizes(tokens_, token_axis), shapes, Purpose::ulysses).wait(),
      head_axis);
}

}  // namespace ditmill::dist
