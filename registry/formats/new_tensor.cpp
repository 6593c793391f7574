#include "registry/formats/new_tensor.h"

#include <optional>

#include "configs/error.h"
#include "registry/checked.h"

namespace ditmill::registry {

std::uint64_t bytes_of(const NewTensor& tensor) {
  constexpr int byte_bits = 8;
  std::optional<std::uint64_t> size = static_cast<std::uint64_t>(bits(tensor.type));
  for (const std::uint64_t length : tensor.shape) {
    if (size) size = checked_multiply(*size, length);
  }
  if (!size || *size % byte_bits != 0) {
    throw Error{Category::unsupported, "write a tensor", Where{.tensor = printable(tensor.name)},
                Expected{"whole bytes, fewer than 2^61"},
                Got{std::string{name(tensor.type)} + " of " + shape_text(tensor.shape)}};
  }
  return *size / byte_bits;
}

void fill(const NewTensor& tensor, std::size_t index, const TensorBytes& give, TensorSink& sink,
          const NewFile& file) {
  const std::uint64_t begin = file.size();
  give(index, sink);
  if (file.size() - begin != bytes_of(tensor)) {
    throw Error{
        Category::internal, "write a tensor", Where{.file = file.path(), .tensor = printable(tensor.name)},
        Expected{std::to_string(bytes_of(tensor)) + " bytes"}, Got{std::to_string(file.size() - begin)}};
  }
}

}  // namespace ditmill::registry
