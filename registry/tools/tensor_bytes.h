#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// Reads a tensor's bytes, row-major, in pieces of at most 4 MiB, whole elements each. One with strides is
/// read whole first. Throws Error: io, unsupported for one that repeats its elements (an expanded view).
void read_tensor(const ByteSource& source, const TensorInfo& tensor,
                 const std::function<void(std::span<const std::byte>)>& take);

/// Whether --dtype changes elements of a type: 16, 32 and 64-bit floats.
bool is_castable(ElementType type) noexcept;
/// The same for what they can become: BF16, F16, F32.
bool is_cast_target(ElementType type) noexcept;
/// Casts elements as torch does: through float32, to nearest, ties to even; too large a number becomes
/// infinite, a NaN stays one. Precondition: is_castable(from), is_cast_target(to).
std::vector<std::byte> cast_elements(ElementType from, ElementType to, std::span<const std::byte> bytes);

}  // namespace ditmill::registry
