#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "dist/weights/schedule.h"
#include "dist/weights/stream.h"

namespace ditmill::dist {

/// Makes tensors of the chunks of a plan, which come in the order of the schedule. Bytes are copied, never
/// aliased, so that neither the alignment in the file nor the chunk's life matters. A tensor whose file has
/// another type than the plan wants is gathered in one reused buffer and converted whole by LibTorch when its
/// last byte is in: the bits are those of `.to()`. Tensors without bytes are there from the start.
class Assembler {
 public:
  /// The plan outlives it, and has passed check_plan().
  explicit Assembler(const ComponentPlan& plan);

  void add(const Chunk& chunk, std::span<const std::byte> bytes);
  /// All tensors. Throws Error(internal) if bytes are missing.
  TensorMap finish();

 private:
  void begin(const registry::TensorInfo& tensor);
  void end(const registry::TensorInfo& tensor);

  const ComponentPlan* plan_;
  std::size_t file_ = 0;
  std::size_t tensor_ = 0;  ///< the first tensor of file_ that is not complete
  at::Tensor current_;      ///< it, in the file's type; undefined before its first byte
  at::Tensor scratch_;      ///< memory of a tensor that will be converted
  TensorMap tensors_;
};

}  // namespace ditmill::dist
