#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dist/plan/offloaded.h"
#include "dist/weights/tensors/tensor_map.h"

namespace ditmill::dist {

/// The pieces of a component that a rank does not hold, and where they wait.
class OffloadedWeights {
 public:
  OffloadedWeights(const OffloadedWeights&) = delete;
  OffloadedWeights& operator=(const OffloadedWeights&) = delete;
  virtual ~OffloadedWeights() = default;

  const std::vector<Piece>& pieces() const noexcept { return pieces_; }
  /// Writes the bytes of piece i to the beginning of `buffer` [bytes] uint8, which is where layers compute:
  /// on a device by the current stream, without waiting for it. From one thread at a time. Throws Error if
  /// they cannot be had.
  virtual void fetch(std::size_t i, const at::Tensor& buffer) = 0;

 protected:
  explicit OffloadedWeights(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

 private:
  std::vector<Piece> pieces_;
};

/// Tensors by name: views of their bytes in a buffer [bytes] uint8.
TensorMap tensors_in(const BlockLayout& layout, const at::Tensor& buffer);

}  // namespace ditmill::dist
