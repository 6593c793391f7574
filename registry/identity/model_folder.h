#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "configs/model_definition.h"
#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// What errors say was being done.
inline constexpr const char* opening_model = "open a model folder";

/// Where one component is, before any of its weights has been looked at.
struct ComponentPlace {
  std::string path;                      ///< a folder, an index or a file
  std::string name = {};                 ///< the component's, where its place tells; else its weights do
  std::vector<std::string> shards = {};  ///< files that are one component; empty: path says it all
  std::string folder_role = {};          ///< the role that its folder's name promises; may be empty
  std::optional<std::string> expert_folder = {};  ///< see VariantHints
  /// In the official layout: a config.json beside it is the transformer's alone.
  bool official = false;
  /// The transformer's hyper-parameter without which nothing uses it; empty: it is used.
  std::string with = {};
  std::string prefix = {};   ///< its tensors are those whose names begin so; empty: all
  bool allow_pickle = true;  ///< false: checkpoints of torch are refused
  bool one_of_two = false;   ///< its name tells which of two transformers it is
};

/// What a path holds: the components of a model folder, or one component on its own.
struct ModelPlaces {
  std::string path;
  std::vector<ComponentPlace> components;
  std::string tokenizer_path;  ///< spiece.model or tokenizer.json; empty if there is none
  std::vector<std::string> warnings;
};

/// Looks for components; headers are read where names leave open what files are: a model folder in the
/// diffusers layout (model_index.json; transformer, transformer_2, text_encoder, vae, tokenizer), one in
/// Wan's official layout (the transformer's files with config.json, the text encoder's and the VAE's `.pth`,
/// google/umt5-xxl; two folders of experts in Wan 2.2; or such files under free names), a component's folder,
/// an index or a file. Throws Error: not_found, bad_input, io.
///
/// What `replaced` names is found elsewhere, and need not be there. Without `allow_pickle` no checkpoint of
/// torch is looked into, and the places have that, too.
ModelPlaces find_components(const std::string& path, const Catalog& catalog,
                            const std::map<std::string, configs::ComponentSource>& replaced = {},
                            bool allow_pickle = true);

/// Gives a component's tensors the names of the layers, by the layout that it was recognised in. Throws as
/// name_tensors().
void name_layers(Component& component, const Catalog& catalog);
/// Reads the headers of one component and identifies it. What is odd but usable is added to `warnings`.
Component open_component(const ComponentPlace& place, const Catalog& catalog,
                         const std::map<std::string, std::string>& variants,
                         std::vector<std::string>& warnings);

/// The slots of a model's family, as far as one of its components tells it.
const FamilySlots& slots_of(const ModelFolder& folder);

/// Views of a component's tensors, file by file.
std::vector<NamedShape> all_shapes(const Component& component);

/// Opens a model: reads the headers of the weights in its folder and of its scattered components, which
/// replace those of their names; merges shards, identifies every component and gives its tensors the names of
/// the layers. `variants` decide between entries of equal hash. Nothing is refused for being unknown: see
/// require_known(). Throws Error: not_found, bad_input (also a LoRA in place of a model or of a component),
/// io, usage for a variant of a component that is not there.
ModelFolder open_model(const configs::ModelDefinition& model, const Catalog& catalog);
/// As open_model(), of a model that is in one folder.
ModelFolder open_model_folder(const std::string& path, const Catalog& catalog);
/// The places of a model's scattered components, and its tokenizer's, if it is among them. Throws as
/// find_components(), naming the component.
ModelPlaces find_scattered(const std::map<std::string, configs::ComponentSource>& components,
                           const Catalog& catalog);

/// Does with a folder whose weights are known what a job would do; throws Error where it cannot.
using Trial = std::function<void(const ModelFolder&)>;

/// Throws Error(unknown_model) if a component has no catalog entry: its hash, the nearest entries, how they
/// differ, and the YAML to add; or what `trial` throws for the folder with these entries, which are not
/// offered then. Throws Error(unsupported) for a prefix before the names, Error(usage) if variants are
/// undecided, naming the candidates.
void require_known(const ModelFolder& folder, const Catalog& catalog, const Trial& trial = {});

}  // namespace ditmill::registry
