#include "models/parallel/parameter_gather.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "dist/weights/offload/offloaded_weights.h"

namespace ditmill::models {
ParameterGather::ParameterGather(const dist::Communicator& comm, std::vector<at::Tensor> shards,
                                 std::vector<dist::BlockLayout> layouts)
    : comm_(&comm), shards_(std::move(shards)), layouts_(std::move(layouts)), under_way_(shards_.size()) {
  std::uint64_t most = 0;
  for (const dist::BlockLayout& layout : layouts_) most = std::max(most, layout.bytes);
  if (shards_.empty()) return;
  for (at::Tensor& buffer : buffers_) {
    buffer = at::empty({static_cast<std::int64_t>(most)}, shards_.front().options());
  }
}

dist::TensorMap ParameterGather::take(std::size_t i) {
  if (under_way_ != i) start(i);
  request_.wait();
  const at::Tensor whole = buffers_[turn_];
  start((i + 1) % size());
  return dist::tensors_in(layouts_[i], whole);
}

void ParameterGather::start(std::size_t i) {
  request_.wait();
  turn_ = 1 - turn_;
  under_way_ = i;
  const at::Tensor& whole = buffers_[turn_];
  const at::Tensor& mine = shards_[i];
  const auto part = static_cast<std::int64_t>(layouts_[i].bytes) / comm_->size();
  std::vector<dist::Outgoing> give;
  std::vector<dist::Incoming> get;
  for (int rank = 0; rank < comm_->size(); ++rank) {
    const at::Tensor theirs = whole.narrow(0, rank * part, part);
    if (rank == comm_->rank()) {
      theirs.copy_(mine);
    } else {
      give.push_back({rank, mine.const_data_ptr(), mine.nbytes()});
      get.push_back({rank, theirs.data_ptr(), theirs.nbytes()});
    }
  }
  request_ = comm_->exchange(give, get, dist::Purpose::parameters);
}

}  // namespace ditmill::models
