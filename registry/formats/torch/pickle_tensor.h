#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "registry/formats/torch/pickle_object.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// A storage as its persistent id describes it.
struct PickledStorage {
  std::string_view key;
  ElementType type = ElementType::u8;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;  ///< elements x the bytes of one
  std::uint64_t view_begin =
      0;  ///< bytes; of the part that is meant: all of it but in streams of old versions
  std::uint64_t view_bytes = 0;
};

/// A tensor as the arguments that would rebuild it describe it.
struct PickledTensor {
  PickledStorage storage;
  ElementType type = ElementType::u8;
  std::uint64_t begin = 0;  ///< bytes from the start of the storage: its first element
  std::uint64_t end = 0;    ///< behind its last element in memory order
  PickleValue sizes;
  PickleValue strides;
  bool contiguous = true;  ///< row-major; dimensions of one element are not looked at
};

/// Checks a persistent id of the form that the input allows; `at` is named in the refusal.
PickledStorage decode_storage(const PickleObject& object, PickleValue value, std::uint64_t at);
/// Checks the arguments of a tensor, and that it lies within its storage.
PickledTensor decode_tensor(const PickleObject& object, PickleValue value, std::uint64_t at);
/// The numbers of a checked tuple of sizes or strides.
std::vector<std::uint64_t> decode_sizes(const PickleObject& object, PickleValue sizes);

}  // namespace ditmill::registry
