#include "models/parallel/ring_attention.h"

#include <ATen/ATen.h>

#include <optional>

#include "dist/comm/tensors.h"
#include "models/kernels/operators.h"

namespace ditmill::models {
at::Tensor ring_attention(configs::Numerics numerics, const dist::ParallelContext& parallel,
                          const dist::TokenShares& shares, const at::Tensor& query, const at::Tensor& key,
                          const at::Tensor& value) {
  if (parallel.degree(dist::Axis::ring) == 1) return kernels::attention(numerics, query, key, value);
  const dist::Communicator& ring = parallel.team(dist::Team::ring);
  const int ranks = ring.size();
  const int next = (ring.rank() + 1) % ranks;
  const int previous = (ring.rank() + ranks - 1) % ranks;
  at::Tensor block = at::stack({key, value});
  std::optional<kernels::PartialAttention> sum;
  for (int step = 0; step < ranks; ++step) {
    dist::PendingTensors coming;
    if (step + 1 < ranks) {
      std::vector<std::int64_t> shape = block.sizes().vec();
      shape[2] = shares.row_size((ring.rank() + ranks - step - 1) % ranks);
      coming = dist::start_shift(ring, block, next, previous, shape, dist::Purpose::ring);
    }
    if (block.size(2) > 0 && query.size(1) > 0) {
      const auto part = kernels::attend_partly(numerics, query, block[0], block[1]);
      sum = sum ? kernels::merge(*sum, part) : part;
    }
    if (step + 1 < ranks) block = coming.wait().front();
  }
  return sum ? sum->output.transpose(1, 2).to(query.scalar_type()) : query;
}

}  // namespace ditmill::models
