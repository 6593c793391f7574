#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/component.h"

namespace ditmill::registry {

/// What is named like no weights that are read, and what to do about it.
struct ForeignWeights {
  std::string name;  ///< that tells: of the file, or of one in the folder
  std::string what;  ///< "a checkpoint of torch.distributed (DCP)"
  std::string cure;
};

/// By the name of a file: another program's weights, a part of a checkpoint, what training keeps beside
/// weights.
std::optional<ForeignWeights> foreign_file(const std::string& path);
/// Of a folder without weights, by the names in it, or else in its folders.
std::optional<ForeignWeights> foreign_folder(const std::string& folder);

/// Whether a name is that of weights of another kind, or of a part of a checkpoint: never used.
bool is_foreign_name(std::string_view name);
/// Whether a name is that of what training keeps beside weights (optimizer.pt): no weights at all.
bool is_training_name(std::string_view name);

/// Throws Error(bad_input) for what training keeps beside a model and is none, by its name or its tensors:
/// the state of an optimizer, of random generators.
void refuse_training_state(const Component& component);

}  // namespace ditmill::registry
