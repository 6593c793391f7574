#pragma once

#include <optional>
#include <string>

#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// How the values of two tensors of one shape differ.
struct ValueDifference {
  /// The largest difference between two values; none if one side alone is not a number, if they are
  /// infinitely apart, or if values of such a type are not compared. NaNs do not differ from each other.
  std::optional<double> max_abs = 0.0;
  bool equal_bits = true;  ///< the same type, and every element the same bits
  std::string why;         ///< the values were not compared
};

/// Where the elements of a tensor are.
struct TensorData {
  const ByteSource& source;
  const TensorInfo& tensor;
};

/// Compares element by element, with a few buffers of 4 MiB whatever the tensors' sizes and strides are.
/// Precondition: equal shapes. Throws Error(io).
ValueDifference compare_values(const TensorData& a, const TensorData& b);

}  // namespace ditmill::registry
