#pragma once

#include <vector>

#include "dist/weights/offload/offloaded_weights.h"

namespace ditmill::dist {

/// Pieces that wait in the host's memory, each as one run of bytes: for layers on a device.
class WeightsOnHost final : public OffloadedWeights {
 public:
  /// Takes the tensors of the pieces out of `tensors`, which are on the host. `pinned`: to memory that a
  /// device copies from by itself.
  WeightsOnHost(std::vector<Piece> pieces, TensorMap& tensors, bool pinned);

  void fetch(std::size_t i, const at::Tensor& buffer) override;

 private:
  std::vector<at::Tensor> packed_;
};

}  // namespace ditmill::dist
