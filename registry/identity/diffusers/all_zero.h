#pragma once

#include <optional>

#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// Whether every element of a tensor equals zero (of either sign): reads its bytes in windows, up to the
/// first that does not. Nothing where bytes do not tell: of a type narrower than a byte, of more than 256
/// MiB, of a view whose gaps hold other values. Throws Error(io).
std::optional<bool> is_all_zero(const TensorInfo& tensor, const ByteSource& source);

}  // namespace ditmill::registry
