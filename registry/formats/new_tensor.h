#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "registry/formats/new_file.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// A tensor that is to be written, contiguous and row-major.
struct NewTensor {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::uint64_t> shape = {};
};

/// Bytes that it takes. Throws Error(unsupported) where they are over 2^61, or no whole bytes.
std::uint64_t bytes_of(const NewTensor& tensor);

/// Takes the bytes of a tensor, in their order.
class TensorSink {
 public:
  virtual ~TensorSink() = default;
  virtual void put(std::span<const std::byte> bytes) = 0;
  virtual void zeros(std::uint64_t bytes) = 0;  ///< as a hole, which takes no space
};

/// Gives all bytes of the tensor of that index. A writer asks for each tensor once, in the order that its
/// format has them in.
using TensorBytes = std::function<void(std::size_t index, TensorSink& sink)>;

/// Lets `give` fill a tensor of a file. Throws Error(internal) if it gives more or fewer bytes than the
/// tensor has.
void fill(const NewTensor& tensor, std::size_t index, const TensorBytes& give, TensorSink& sink,
          const NewFile& file);

}  // namespace ditmill::registry
