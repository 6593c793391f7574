#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// What `weights synth` is asked for.
struct SynthRequest {
  std::string like;         ///< a release or an entry of the catalog
  std::string out;          ///< a folder that is not there yet
  std::string layout = {};  ///< diffusers, official; empty: see plan_synth()
  bool tiny = true;         ///< small, and not as large as what was published
  std::uint64_t seed = 0;
  bool sparse = false;  ///< holes in the place of values
};

struct SynthWeights {
  std::string path;  ///< a file, or the index of its shards
  std::string name;  ///< the entry's
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
};

struct Synthesis {
  std::vector<SynthWeights> weights;
  std::vector<std::string> files;  ///< small ones, by their paths
  std::string catalog;             ///< what makes small weights known; empty: they are
};

/// Writes a model folder with the structure of a published one: every component's files, shards and
/// config.json, its tokenizer, and in the diffusers layout model_index.json and settings. Values are random,
/// the same on every machine for a seed, and the same in both layouts, or holes. Nothing is overwritten, and
/// nothing is left of a folder that could not be finished. Throws as plan_synth(), and Error: usage if the
/// path is taken, no_space, io.
Synthesis synthesize(const SynthRequest& request, const Catalog& catalog);

/// {weights: [{path, name, tensors, bytes}], files: [..], catalog}
nlohmann::json to_json(const Synthesis& synthesis);
/// A line for each file of weights, a count of the others, and how to use the catalog.
std::string synthesis_text(const Synthesis& synthesis);

}  // namespace ditmill::registry
