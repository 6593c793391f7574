#pragma once

#include <ATen/core/Tensor.h>

#include "dist/comm/tensors.h"
#include "dist/exchange/token_shares.h"

namespace ditmill::dist {

/// Jacobs et al., DeepSpeed Ulysses (2023), with heads and tokens that need not divide: ranks of the ulysses
/// team give tokens for heads before attention, and heads for tokens after it. `heads`: those that all ranks
/// of the team have together (this rank's tp slice).
class Ulysses {
 public:
  Ulysses(const ParallelContext& parallel, const TokenShares& shares, std::int64_t heads);

  /// Starts x [batch, my tokens, heads, width] on its way to join_tokens().
  PendingTensors give_tokens(const at::Tensor& x) const;
  /// [batch, tokens of the row, my heads, width]
  at::Tensor join_tokens(PendingTensors pending) const;
  /// The way back: x [batch, tokens of the row, my heads, width] to [batch, my tokens, heads, width].
  at::Tensor give_heads(const at::Tensor& x) const;

 private:
  const Communicator* comm_;  ///< null where the degree is 1: nothing travels
  std::vector<std::int64_t> tokens_;
  std::vector<std::int64_t> heads_;
  std::size_t place_;
};

}  // namespace ditmill::dist
