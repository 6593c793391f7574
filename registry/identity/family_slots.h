#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/yaml_reader.h"

namespace ditmill::registry {

/// A file of weights as published in a layout.
struct SlotFile {
  std::string name;
  std::string dtype;  ///< of its floating elements
  int shard_gb = 0;   ///< 10^9 bytes: what is larger is cut into shards; 0: nothing is
};

/// An architecture that a slot takes, and what a model folder calls its weights.
struct Accepted {
  std::string architecture;
  std::vector<std::string> in_index;  ///< [library, class] of model_index.json
  SlotFile diffusers;                 ///< in the slot's folder
  SlotFile official;                  ///< without a name: no model is published so

  const SlotFile& file(std::string_view layout) const noexcept {
    return layout == "official" ? official : diffusers;
  }
  /// What messages call the weights: the official name, if the family's models have one.
  const std::string& known_as() const noexcept {
    return official.name.empty() ? diffusers.name : official.name;
  }
};

/// A place for one component of a model.
struct Slot {
  std::string name;  ///< the component's name, and its folder in the diffusers layout
  std::string role;
  std::string what;  ///< in messages: "text encoder"
  bool required = false;
  /// The hyper-parameter of the transformer with which it is used; empty: always.
  std::string with;
  /// Its folder in the official layout, if the model has two of its role; empty: none of its own.
  std::string expert_folder;
  std::vector<Accepted> accepts;

  const Accepted* accepted(std::string_view architecture) const noexcept;
};

struct TokenizerPlaces {
  std::vector<std::string> in_index;
  std::vector<std::string> files;  ///< the first that is there holds it
  std::string diffusers;           ///< its folder
  std::vector<std::string> official;

  /// Its folder in a layout; that of the diffusers layout if the family's models have no other.
  const std::string& folder(std::string_view layout) const noexcept {
    return layout == "official" && !official.empty() ? official.front() : diffusers;
  }
};

/// A small file of the diffusers layout in a folder of its own: a scheduler's, a picture processor's.
struct SettingsFile {
  std::string folder;
  std::string with;  ///< the slot beside which it is there; empty: always
  std::vector<std::string> in_index;
  std::string file;
  std::string content;  ///< JSON
};

/// What a published model consists of.
struct Release {
  std::string name;
  std::string pipeline;                                            ///< diffusers' class
  std::vector<std::pair<std::string, std::string>> components;     ///< slot and catalog entry
  std::string index;                                               ///< JSON: more of model_index.json
  std::vector<std::pair<std::string, std::string>> settings = {};  ///< folder and JSON: other than usual

  /// The entry in a slot; empty: none.
  std::string_view component(std::string_view slot) const noexcept;
};

/// How the models of a family are laid out in folders: data of catalog files.
struct FamilySlots {
  std::string name;
  TokenizerPlaces tokenizer;
  std::vector<Slot> slots;
  std::vector<SettingsFile> settings;
  std::vector<Release> models;

  const Slot* slot(std::string_view wanted) const noexcept;
  /// The first slot that takes an architecture; of experts, the one with that name or official folder.
  const Slot* slot_for(std::string_view architecture, std::string_view folder = {}) const noexcept;
};

/// The first slot of that name, or with that folder of an expert, of any family; or null.
const Slot* find_slot(std::span<const FamilySlots> families, std::string_view folder) noexcept;

/// Reads a family of a catalog file. `path` is its dotted path in `file`; what is wrong with it is added to
/// `problems`.
FamilySlots read_family(const configs::YamlNode& node, const std::string& path, const std::string& file,
                        std::vector<Problem>& problems);

/// As the build's tables hold a family: JSON.
std::string family_text(const FamilySlots& family);
FamilySlots family_of_text(std::string_view text);

}  // namespace ditmill::registry
