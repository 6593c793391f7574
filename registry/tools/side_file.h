#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// Names of a layout that a name of another layout has become of, where pairs alone say it otherwise.
using KeptNames = std::map<std::string, std::vector<std::string>, std::less<>>;

/// What a conversion leaves beside the weights, in safetensors, so that the way back finds all that was
/// there: tensors without a counterpart by their own names, and in the metadata `layout` (theirs) and `names`
/// (JSON).
struct SideFile {
  WeightFile file;
  std::string layout;
  KeptNames names;
};

/// Where it is of weights that begin in that file.
std::string side_path(const std::string& weights);
/// The side file of weights, if there is one. Throws Error: bad_input, io.
std::optional<SideFile> read_side_file(const std::string& weights);
/// The metadata of a side file to write.
std::map<std::string, std::string> side_metadata(const std::string& layout, const KeptNames& names);

}  // namespace ditmill::registry
