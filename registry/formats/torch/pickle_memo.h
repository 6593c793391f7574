#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_object.h"

namespace ditmill::registry {

/// A pickle's memo, of the entries that the pickle asks for: it stores everything, and asks for little.
class PickleMemo {
 public:
  /// Looks through the pickle for what it asks for.
  PickleMemo(std::span<const std::byte> pickle, BoundedMemory& memory);

  void put(std::uint64_t index, PickleValue value);
  /// The value put last, or nothing.
  std::optional<PickleValue> get(std::uint64_t index) const;

 private:
  /// Its place in asked_, or past its end.
  std::size_t place_of(std::uint64_t index) const;

  std::pmr::vector<std::uint32_t> asked_;  // ascending
  std::pmr::vector<PickleValue> values_;
  std::pmr::vector<bool> known_;
};

}  // namespace ditmill::registry
