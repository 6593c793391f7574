#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "registry/component.h"

namespace ditmill::registry {

/// What there is of a component, in numbers.
struct WeightSummary {
  std::uint64_t parameters = 0;
  std::uint64_t tensors = 0;
  std::map<std::string, std::uint64_t> elements;  ///< of each element type, by its name ("BF16")
};

WeightSummary summarize(const Component& component);

}  // namespace ditmill::registry
