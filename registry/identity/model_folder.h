#pragma once

#include <map>
#include <string>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// Opens a model folder in the diffusers layout (model_index.json; transformer, text_encoder, vae, tokenizer),
/// reads the headers of its weights, merges shards and identifies every component. `variants` (role -> variant)
/// decides between entries of equal hash. Nothing is refused for being unknown: see require_known().
/// Throws Error: not_found, bad_input, io.
ModelFolder open_model_folder(const std::string& path, const Catalog& catalog,
                              const std::map<std::string, std::string>& variants = {});

/// Throws Error(unknown_model) if a component has no catalog entry: its hash, the nearest entries, how they
/// differ, and the YAML to add. Throws Error(usage) if variants are undecided, naming the candidates.
void require_known(const ModelFolder& folder, const Catalog& catalog);

}  // namespace ditmill::registry
