#pragma once

#include <map>
#include <optional>
#include <string>

namespace ditmill::configs {

class MapReader;

/// Layer 1: what is bound to the weights and immutable once they are loaded.
struct ModelDefinition {
  std::string path = {};                    ///< absolute; empty for a rehearsal
  std::optional<double> noop_seconds = {};  ///< `model: {noop: SECONDS}`: a rehearsal without weights
  std::string catalog = {};                 ///< absolute path of further catalog entries; may be empty
  std::string digest = {};                  ///< "sha256:HEX" pins the digest root; may be empty
  std::map<std::string, std::string> variants = {};  ///< role -> variant, where weights of equal hash differ
  bool distilled = false;                            ///< what no header can tell
};

/// Reads `model:`; relative paths in it start at `directory` (absolute). Problems go to the reader; calls
/// finish().
ModelDefinition read_model_definition(MapReader model, const std::string& directory);

}  // namespace ditmill::configs
