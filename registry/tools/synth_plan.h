#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "registry/formats/new_tensor.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// A component that `weights synth` makes. What it points to is the catalog's.
struct SynthComponent {
  const CatalogEntry* entry = nullptr;
  const Layout* layout = nullptr;
  const Slot* slot = nullptr;    ///< null: model folders of its family have no place for it
  std::string hyper_parameters;  ///< JSON
  std::string folder;            ///< in the model's; may be empty
  SlotFile file;
  std::vector<NewTensor> tensors;  ///< ordered by name
};

/// What a model consists of, before anything is written.
struct SynthPlan {
  const FamilySlots* family = nullptr;  ///< null: of no family that has folders
  const Release* release = nullptr;     ///< null: a component that no release has
  std::string layout;
  bool tiny = false;
  std::vector<SynthComponent> components;

  /// Whether no catalog has the hashes of all of them.
  bool unknown() const;
};

/// Plans a published release, or the first that has an entry of that name, or that entry alone; `layout` may
/// be empty: diffusers, where all of it is known in that, else official. `tiny`: with the hyper-parameters of
/// a small model of its architectures. Throws Error: usage for a name that is none, or not in that layout,
/// unsupported where only a hash is known of it, or no small model.
SynthPlan plan_synth(const std::string& like, const std::string& layout, bool tiny, const Catalog& catalog);

/// The catalog entries of a model whose hashes no catalog knows: each entry as it is, but named `tiny-` or
/// `like-`, and with the hashes and hyper-parameters of its own, in YAML.
std::string synth_catalog(const SynthPlan& plan);

}  // namespace ditmill::registry
