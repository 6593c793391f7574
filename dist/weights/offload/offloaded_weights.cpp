#include "dist/weights/offload/offloaded_weights.h"

#include <ATen/ATen.h>

#include "dist/dtype.h"

namespace ditmill::dist {

TensorMap tensors_in(const BlockLayout& layout, const at::Tensor& buffer) {
  TensorMap tensors;
  for (const BlockTensor& tensor : layout.tensors) {
    const at::ScalarType type = scalar_type(tensor.dtype);
    const std::int64_t bytes =
        c10::multiply_integers(tensor.shape) * static_cast<std::int64_t>(c10::elementSize(type));
    tensors.emplace(
        tensor.name,
        buffer.narrow(0, static_cast<std::int64_t>(tensor.offset), bytes).view(type).view(tensor.shape));
  }
  return tensors;
}

}  // namespace ditmill::dist
