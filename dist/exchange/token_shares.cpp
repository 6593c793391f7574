#include "dist/exchange/token_shares.h"

namespace ditmill::dist {

TokenShares::TokenShares(const ParallelContext& parallel, std::int64_t tokens)
    : tokens_(tokens),
      ring_(parallel.degree(Axis::ring)),
      ulysses_(parallel.degree(Axis::ulysses)),
      place_(parallel.place(Team::sequence)) {}

std::vector<std::int64_t> TokenShares::sizes() const {
  std::vector<std::int64_t> sizes;
  for (int place = 0; place < ring_ * ulysses_; ++place) {
    sizes.push_back(share(tokens_, place, ring_ * ulysses_).size());
  }
  return sizes;
}

std::vector<std::int64_t> TokenShares::row_sizes() const {
  const std::vector<std::int64_t> all = sizes();
  const auto first = all.begin() + (place_ - place_ % ulysses_);
  return {first, first + ulysses_};
}

std::int64_t TokenShares::row_size(int ring_place) const noexcept {
  const Range first = share(tokens_, ring_place * ulysses_, ring_ * ulysses_);
  const Range last = share(tokens_, (ring_place + 1) * ulysses_ - 1, ring_ * ulysses_);
  return last.end - first.begin;
}

}  // namespace ditmill::dist
