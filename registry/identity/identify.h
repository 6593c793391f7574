#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// What decides between catalog entries of equal hash.
struct VariantHints {
  /// The user's choice (`model.variants`): a candidate, or an Error(usage); may be empty.
  std::string variant = {};
  /// What the model folder tells: the subfolder of an expert of a model with two experts; "" for a model with
  /// one; nothing for a component on its own.
  std::optional<std::string> expert_folder = {};
  /// The component's name, of a model with two transformers: `transformer` is the one for high noise.
  std::string component = {};
  /// Names of its first file and of the folders that it is in: entries look for their words in them.
  std::vector<std::string> names = {};
  /// Digests of its files that are known without reading them (remembered_digests.h); asked for only where
  /// nothing else decides. May be empty.
  std::function<std::vector<std::string>()> remembered = {};
};

/// TeleFuser's hashes of a `.pth` whose dictionary holds more than tensors by name; empty for all else.
struct DictionaryHashes {
  std::string key_hash = {};
  std::string key_hash_names = {};
  bool nested = false;
};

/// What the headers of a component say it is: the catalog entry of its key hash (of a `.pth` also that of its
/// tensors alone); else an entry with its names; else a layout whose marks it has; else a LoRA; else the same
/// of what is behind a prefix; else unknown. Nothing is refused for being unknown.
Identity identify(const ShapeTable& shapes, const Catalog& catalog, const VariantHints& hints,
                  const DictionaryHashes& dictionary = {});

/// The layout whose names weights were recognised to have, or null. The one answer to that question.
const Layout* recognised_layout(const Identity& identity, const Catalog& catalog);

}  // namespace ditmill::registry
