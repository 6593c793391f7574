#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "registry/tools/convert_files.h"

namespace ditmill::registry {

/// What `weights convert` is asked for.
struct ConvertRequest {
  std::string source;                     ///< a component (file, index, shards, folder) or a model folder
  std::string out;                        ///< a file, or a model folder
  std::string to;                         ///< a layout: diffusers, official
  std::optional<ElementType> dtype = {};  ///< what is_cast_target() allows; nothing: as they are
};

struct Conversion {
  std::vector<WrittenWeights> weights;
  std::vector<std::string> copied;  ///< small files, by their paths
  std::vector<std::string> warnings;
};

/// Writes weights in the other layout of their architecture, of which names, files and folders are data of
/// the catalog; every tensor has the bytes that it had (unless cast), on the way back too. A model folder's
/// small files come along; model_index.json is where the layout has it. Nothing is overwritten, and nothing
/// is left of a folder that could not be finished. Throws Error: usage, not_found, bad_input, unknown_model,
/// unsupported, no_space, io.
Conversion convert_weights(const ConvertRequest& request, const Catalog& catalog);

/// {weights: [{path, architecture, tensors, bytes, side, aside}], copied: [..]}
nlohmann::json to_json(const Conversion& conversion);
/// A line for each file of weights, then a count of the copied ones.
std::string conversion_text(const Conversion& conversion);

}  // namespace ditmill::registry
