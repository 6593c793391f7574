#pragma once

#include <cstdint>
#include <vector>

#include "dist/parallel_context.h"

namespace ditmill::dist {

/// Which of an item's tokens each rank of its sequence team holds: contiguous pieces in the order of the team
/// (ring, then ulysses), whose sizes differ by one at most. Nothing is padded. The pieces of the ulysses
/// ranks of one ring place are neighbours: its row.
class TokenShares {
 public:
  TokenShares(const ParallelContext& parallel, std::int64_t tokens);

  /// This rank's tokens.
  Range mine() const noexcept { return share(tokens_, place_, ring_ * ulysses_); }
  /// Tokens of every rank of the sequence team.
  std::vector<std::int64_t> sizes() const;
  /// Tokens of every ulysses rank of this rank's row.
  std::vector<std::int64_t> row_sizes() const;
  /// Tokens of the row at a place of the ring.
  std::int64_t row_size(int ring_place) const noexcept;

 private:
  std::int64_t tokens_;
  int ring_;
  int ulysses_;
  int place_;
};

}  // namespace ditmill::dist
