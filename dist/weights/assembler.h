#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dist/weights/schedule.h"
#include "dist/weights/stream.h"

namespace ditmill::dist {

/// Makes the layers' tensors of the chunks of a plan, which come in the order of the schedule. Bytes are
/// copied, never aliased, so that neither the alignment in the file nor the chunk's life matters. What cannot
/// be copied to its place at once (another type than the plan wants, a view with strides, a part of a tensor)
/// is gathered in a reused buffer and converted whole by LibTorch when its last byte is in: the bits are
/// those of `.to()`. A complete tensor goes to the device. Tensors without bytes are there from the start.
class Assembler {
 public:
  /// The plan outlives it, and has passed check_plan().
  explicit Assembler(const ComponentPlan& plan, const at::Device& device = at::kCPU);

  void add(const Chunk& chunk, std::span<const std::byte> bytes);
  /// All tensors. Throws Error(internal) if bytes are missing.
  TensorMap finish();

 private:
  /// Where a tensor of the files goes.
  struct Place {
    const registry::NamedTensor* whole = nullptr;  ///< null: it is a tensor of the layers itself
    std::int64_t offset = 0;                       ///< of a part, along the dimension of the join
  };
  /// A tensor of the files whose bytes are coming in.
  struct Open {
    const registry::TensorInfo* info = nullptr;
    at::Tensor bytes;  ///< gathers [begin, end) of the file; the result itself where `direct`
    bool direct = false;
  };

  void plan_parts();
  bool kept(const registry::TensorInfo& tensor) const;
  Open open(const registry::TensorInfo& tensor);
  void close(Open& tensor);
  at::Tensor take_buffer(const registry::TensorInfo& tensor, std::int64_t bytes);
  void put(const registry::TensorInfo& tensor, const at::Tensor& value, bool owned);

  const ComponentPlan* plan_;
  at::Device device_;
  std::unordered_map<std::string_view, Place> parts_;  ///< by name in the files, where the plan names tensors
  std::size_t file_ = 0;
  std::size_t next_ = 0;  ///< the first tensor of file_ that has not begun
  std::vector<Open> open_;
  std::vector<at::Tensor> buffers_;  ///< free ones
  std::size_t missing_ = 0;          ///< tensors of the files that are kept and not complete
  TensorMap tensors_;
};

}  // namespace ditmill::dist
