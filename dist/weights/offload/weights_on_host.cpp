#include "dist/weights/offload/weights_on_host.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>

#include "dist/weights/tensors/allocated.h"

namespace ditmill::dist {

WeightsOnHost::WeightsOnHost(std::vector<Piece> pieces, TensorMap& tensors, bool pinned)
    : OffloadedWeights(std::move(pieces)) {
  const at::TensorOptions bytes = at::TensorOptions(at::kByte).pinned_memory(pinned);
  for (const Piece& piece : this->pieces()) {
    packed_.push_back(allocated(
        piece.prefix(), [&] { return at::empty({static_cast<std::int64_t>(piece.layout.bytes)}, bytes); }));
    const std::string prefix = piece.prefix();
    for (const auto& [name, tensor] : tensors_in(piece.layout, packed_.back())) {
      const auto found = tensors.find(prefix + name);
      tensor.copy_(found->second);
      tensors.erase(found);
    }
  }
}

void WeightsOnHost::fetch(std::size_t i, const at::Tensor& buffer) {
  buffer.narrow(0, 0, packed_[i].numel()).copy_(packed_[i], /*non_blocking=*/true);
}

}  // namespace ditmill::dist
