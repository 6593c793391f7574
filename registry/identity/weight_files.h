#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// The weight files of one component, their headers read and checked against each other.
struct WeightSet {
  std::string label;  ///< the folder, index or file that stands for them
  std::vector<WeightFile> files;
  std::vector<std::string> warnings;
};

/// One file: safetensors, or a checkpoint of torch, told apart by their first bytes. As all of these, it
/// throws Error(bad_input) where a download of the file has not finished, and, without `allow_pickle`, for
/// what begins as a checkpoint of torch, whatever its name, before more of it is looked at.
WeightSet read_weight_file(const std::string& path, bool allow_pickle = true);
/// Files that are one component together, in this order; a tensor in two of them is refused.
WeightSet read_weight_files(std::string label, std::span<const std::string> paths, bool allow_pickle = true);
/// An index and the shards it names: all tensors are where it says, and it names all of them.
WeightSet read_shard_index(const std::string& path, bool allow_pickle = true);
/// The weights in a component's folder: by its index, else its shards `-i-of-n-`, else its one file or the
/// one of the usual name, else all its safetensors files, as shards; without any of these its one torch file.
/// LoRAs and other bystanders (bystander.h) are no shards. Other weight files beside them give a warning.
WeightSet read_weight_folder(const std::string& folder, bool allow_pickle = true);

/// Files in a folder that are a component together, by their names alone.
struct WeightGroup {
  std::string label;                ///< an index, a file, or the folder for its shards
  std::vector<std::string> shards;  ///< paths; empty: label says it all
};
/// The components that a folder of several holds directly, as Wan's official checkpoints do: indices, shards,
/// files. Beside torch files, safetensors files of free names are the shards of one, but for bystanders and
/// those that are `whole`: a component on their own.
std::vector<WeightGroup> weight_groups(const std::string& folder,
                                       const std::function<bool(const std::string& path)>& whole,
                                       bool allow_pickle = true);

}  // namespace ditmill::registry
