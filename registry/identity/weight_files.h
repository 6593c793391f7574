#pragma once

#include <string>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// The weight files of one component, their headers read and checked against each other.
struct WeightSet {
  std::string label;  ///< the folder, index or file that stands for them
  std::vector<WeightFile> files;
  std::vector<std::string> warnings;
};

/// One safetensors file.
WeightSet read_weight_file(const std::string& path);
/// An index and the shards it names: all tensors are where it says, and it names all of them.
WeightSet read_shard_index(const std::string& path);
/// The weights in a component's folder: by its index, else its shards `-i-of-n-`, else its one file. Other
/// weight files beside them give a warning.
WeightSet read_weight_folder(const std::string& folder);

/// Whether a path is that of an index, by its name.
bool is_shard_index(std::string_view path);
/// Whether a folder directly holds safetensors files or an index of them.
bool holds_weights(const std::string& folder);

}  // namespace ditmill::registry
