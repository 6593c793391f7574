#pragma once

#include <string>
#include <vector>

#include "registry/components/component_type.h"

namespace ditmill::registry {

/// Which files of a component's folder are its weights.
struct WeightChoice {
  /// Paths of checkpoints of torch that are one component; empty: the folder, as weight_files.h reads it.
  std::vector<std::string> files;
  std::vector<std::string> notes;  ///< of files that are left out, and why
};

/// Chooses among the files of a folder as FastVideo's loaders do: safetensors where there are any, else all
/// files of the first kind of `type.weight_files`; of these the ones that their index names, if there is one,
/// and neither bystanders nor what training keeps. Throws Error: not_found for a file that the index names
/// and that is not there, bad_input for a malformed index, io.
WeightChoice choose_weights(const std::string& folder, const ComponentType& type);

}  // namespace ditmill::registry
