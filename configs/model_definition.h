#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ditmill::configs {

class MapReader;

/// Where one component is, apart from the model folder.
struct ComponentSource {
  std::string path;         ///< absolute: a file, an index, a folder, or a model folder that has it
  std::string prefix = {};  ///< its tensors are those whose names begin so, without it; empty: all
  std::vector<std::string> files = {};  ///< of the folder, in this order; empty: whichever it holds
  bool allow_pickle = true;             ///< false: checkpoints of torch are refused
};

/// Layer 1: what is bound to the weights and immutable once they are loaded.
struct ModelDefinition {
  std::string path = {};  ///< absolute; empty for a rehearsal, or where `components` are all there is
  std::map<std::string, ComponentSource> components = {};  ///< by name, the tokenizer too
  std::optional<double> noop_seconds = {};  ///< `model: {noop: SECONDS}`: a rehearsal without weights
  std::string catalog = {};                 ///< absolute path of further catalog entries; may be empty
  std::string digest = {};                  ///< "sha256:HEX" pins the digest root; may be empty
  std::map<std::string, std::string> variants = {};  ///< by name, where weights of equal hash differ
  bool distilled = false;                            ///< what no header can tell
};

/// Reads `model:`; relative paths in it start at `directory` (absolute). Problems go to the reader; calls
/// finish().
ModelDefinition read_model_definition(MapReader model, const std::string& directory);

}  // namespace ditmill::configs
