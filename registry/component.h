#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/model_definition.h"
#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// One weight file: what is needed to read it later, and to notice that it has changed.
struct WeightFile {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  std::vector<TensorInfo> tensors;  ///< ordered by their place in the file
  /// TeleFuser's hashes of a `.pth` whose dictionary holds more than its tensors by name; else empty.
  std::string dictionary_hash = {};
  std::string dictionary_hash_names = {};
  bool nested = false;  ///< dictionaries within that dictionary hold tensors

  /// Of the file when its header was read.
  FileStamp stamp() const noexcept { return {.size = size, .mtime_ns = mtime_ns, .inode = inode}; }
};

/// A tensor as the family's layers know it, and what it is made of.
struct NamedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<std::string> parts;  ///< its names in the files; several are joined in this order
  std::size_t dim = 0;             ///< along which they are joined
};

/// The files' tensors that these are made of: layers use no others. The names are views into theirs.
std::set<std::string_view> parts_of(std::span<const NamedTensor> tensors);

/// What a component's headers say it is.
struct Identity {
  std::string key_hash;        ///< names and shapes, as TeleFuser computes it
  std::string key_hash_names;  ///< names only
  std::string key_hash_flat;   ///< of a nested `.pth`: as if its dictionaries were one; else empty
  /// What stands before the names of the tensors and was seen through ("model.diffusion_model."); may be
  /// empty.
  std::string prefix;
  std::string key_hash_bare;       ///< of the names without the prefix; empty if there is none
  std::string family;              ///< "wan"; empty if unknown
  std::string variant;             ///< catalog entry's name; empty if none or undecided
  std::string role;                ///< dit, text_encoder, vae, lora, ...; empty if unknown
  std::vector<std::string> roles;  ///< of a bundle: those in it
  std::string type;    ///< what diffusers calls it, where only its rules know it (diffusers/recognise.h)
  std::string layout;  ///< diffusers, official
  /// Of the catalog, whose names in that layout the tensors have; empty if unknown, or a catalog of an
  /// earlier version says it.
  std::string architecture;
  std::string how = "unknown";  ///< catalog, catalog-keys, fingerprint, unknown
  std::string preset;           ///< of the catalog entry; may be empty
  nlohmann::json hyper_parameters = nlohmann::json::object();  ///< the catalog entry's; else from the shapes
  std::vector<std::string> candidates;                         ///< variants that hints did not decide between
  std::string decided_by = {};  ///< what told the variant from others of its hash; empty: there are none
  nlohmann::json nearest = nlohmann::json::array();  ///< nearest catalog entries and how they differ
};

/// A component of a model: the merged tensors of its files (shards in the order of their numbers or index).
struct Component {
  std::string name;   ///< which one of its model it is: transformer, transformer_2, text_encoder, ...
  std::string role;   ///< what it is: the role that its identity gives
  std::string label;  ///< names it in messages: its folder, index or file
  std::vector<WeightFile> files;
  nlohmann::json config = nlohmann::json::object();  ///< its config.json; empty object if there is none
  std::string config_path;                           ///< empty if there is none
  Identity identity;
  std::string given_prefix = {};  ///< of model.components: other tensors of the files are not its own
  /// What the layers get, where the layout's names are not theirs (name_map.h); empty: the files' tensors.
  std::vector<NamedTensor> named;

  std::uint64_t tensor_bytes() const noexcept;
  /// The tensors as the layers know them, those of `named` or of the files, ordered by name.
  std::vector<NamedTensor> layer_tensors() const;
  /// Shapes of the layers' tensors by name.
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> shapes() const;
};

/// An opened model folder: headers only, nothing of the weights read.
struct ModelFolder {
  std::string path;                      ///< empty: all components are scattered
  configs::ModelDefinition source = {};  ///< what was opened
  std::vector<Component> components;     ///< sorted by role and name
  std::string tokenizer_path;            ///< spiece.model or tokenizer.json; empty if there is none
  std::vector<std::string> warnings;

  /// The component of that name; throws Error(bad_input) naming the folder and what there is.
  const Component& component(std::string_view name) const;
};

}  // namespace ditmill::registry
