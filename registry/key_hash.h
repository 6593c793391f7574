#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/tensor_info.h"

namespace ditmill::registry {

/// A tensor's name and shape; both outlive it.
struct NamedShape {
  std::string_view name;
  std::span<const std::uint64_t> shape = {};
  bool is_tensor = true;  ///< or a key of something else: its name alone is hashed
};

/// Views of tensors, in their order.
std::vector<NamedShape> named_shapes(std::span<const TensorInfo> tensors);

/// TeleFuser's key hash of a state dict: MD5 of its sorted, comma-separated tokens: each name, and, with
/// shapes, `name:2_3` too. Names are sorted by their UTF-8 bytes. Not in it: dtypes, values, order, files.
std::string key_hash(std::span<const NamedShape> tensors);
/// As key_hash(), of the names alone.
std::string key_hash_names(std::span<const NamedShape> tensors);
/// The text that is hashed: what a nested dictionary adds to the text of the one around it.
std::string key_hash_text(std::span<const NamedShape> tensors, bool with_shapes);

}  // namespace ditmill::registry
