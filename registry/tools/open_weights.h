#pragma once

#include <span>
#include <string>
#include <vector>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// A component among those that a command line names.
struct NamedComponent {
  std::string name;  ///< as diffusers' model_index.json has it; empty where its path holds nothing else
  Component component;
};

/// Weights that a command line names, their headers read.
struct OpenedWeights {
  std::vector<NamedComponent> components;
  std::vector<std::string> warnings;
};

/// The paths of a command line with its patterns (`*`, `?`, `[...]`) replaced by the weight files and folders
/// that they match, sorted; a path that exists is no pattern. Throws Error(not_found) for one without a
/// match.
std::vector<std::string> expand_patterns(std::span<const std::string> paths);

/// Opens what paths and patterns name: a model folder is all its components, a folder or an index one; all
/// files together are one, shards in the order of their numbers. Throws Error: not_found, bad_input, io.
OpenedWeights open_weights(std::span<const std::string> paths, const Catalog& catalog);

/// The files that paths and patterns name, of whatever kind, and those of the weights and tokenizers in
/// folders, each once. Throws as open_weights().
std::vector<std::string> files_of(std::span<const std::string> paths, const Catalog& catalog);

}  // namespace ditmill::registry
