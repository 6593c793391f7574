#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "registry/tools/convert_plan.h"

namespace ditmill::registry {

/// Weights that a conversion has written.
struct WrittenWeights {
  std::string path;
  std::string what = {};  ///< their architecture
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;  ///< of the tensors
  std::uint64_t aside = 0;  ///< tensors in the side file
  std::string side = {};    ///< its path; empty if there is none
};

/// Throws Error(usage) for a path that does not end in .safetensors or .pth, or that is taken.
void check_weights_path(const std::string& path);
/// Writes what is planned as one file, of torch if its name ends in .pth, and the side file, before it, if
/// the way back needs one. `dtype` casts floating elements of 16 bits or more. Throws Error: unsupported,
/// usage, no_space, io.
WrittenWeights write_plan(const ConversionPlan& plan, std::optional<ElementType> dtype,
                          const std::string& path);

}  // namespace ditmill::registry
