#include "registry/identity/identify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "configs/component_name.h"
#include "configs/error.h"
#include "configs/lower_case.h"
#include "configs/suggest.h"
#include "registry/identity/bystander.h"
#include "registry/identity/fingerprint.h"
#include "registry/identity/prefix.h"
#include "registry/key_hash.h"

namespace ditmill::registry {
namespace {

/// The layout of an entry. One that says no architecture has that whose marks are there.
const Layout* layout_of(const CatalogEntry& entry, const ShapeTable& shapes, const Catalog& catalog) {
  if (!entry.architecture.empty()) return catalog.layout_of(entry);
  const auto found = std::ranges::find_if(catalog.layouts(), [&](const Layout& layout) {
    return layout.family == entry.family && layout.role == entry.role && layout.layout == entry.layout &&
           matches(layout, shapes);
  });
  return found == catalog.layouts().end() ? catalog.layout_of(entry) : &*found;
}

void take_entry(Identity& identity, const CatalogEntry& entry, const Layout* layout) {
  identity.family = entry.family;
  identity.role = entry.role;
  identity.layout = entry.layout;
  identity.architecture = layout == nullptr ? entry.architecture : layout->architecture;
}

std::vector<std::string> names(const std::vector<const CatalogEntry*>& entries) {
  std::vector<std::string> names;
  for (const CatalogEntry* entry : entries) names.push_back(entry->name);
  return names;
}

/// The user's choice among entries of equal hash.
const CatalogEntry& chosen(const std::vector<const CatalogEntry*>& entries, const std::string& variant) {
  for (const CatalogEntry* entry : entries) {
    if (entry->name == variant) return *entry;
  }
  const std::vector<std::string> candidates = names(entries);
  const std::string expected = fmt::format("{}", fmt::join(candidates, ", "));
  const std::string close = configs::nearest(variant, candidates);
  throw Error{Category::usage,
              "choose the variant of the weights",
              Where{.key = "model.variants." + std::string{configs::component_named(entries.front()->role)}},
              Expected{"one of those with this key hash: " + expected},
              Got{printable(variant)},
              close.empty() ? "" : "did you mean " + close + "?"};
}

using Entries = std::vector<const CatalogEntry*>;

/// Entries of equal hash that hints leave, and the hint that told them from the others.
struct Decision {
  Entries left;
  std::string by = {};
};

/// Entries whose words are in one of the names.
Decision by_names(const Entries& entries, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Decision decision;
    const std::string text = lower_case(name);
    for (const CatalogEntry* entry : entries) {
      const auto word = std::ranges::find_if(
          entry->words, [&text](const std::string& each) { return text.find(each) != std::string::npos; });
      if (word == entry->words.end()) continue;
      decision.left.push_back(entry);
      decision.by = "'" + *word + "' in the name " + printable(name);
    }
    if (!decision.left.empty()) return decision;
  }
  return {.left = entries};
}

/// Entries that state a digest which one of the files is remembered to have.
Decision by_digest(const Entries& entries, const VariantHints& hints) {
  const bool stated = std::ranges::any_of(entries, [](const auto* entry) { return !entry->sha256.empty(); });
  if (!stated || !hints.remembered) return {.left = entries};
  Decision decision;
  const std::vector<std::string> remembered = hints.remembered();
  for (const CatalogEntry* entry : entries) {
    const auto digest = std::ranges::find_first_of(entry->sha256, remembered);
    if (digest == entry->sha256.end()) continue;
    decision.left.push_back(entry);
    decision.by = "the remembered digest " + *digest;
  }
  return decision.left.empty() ? Decision{.left = entries} : decision;
}

/// What the place of weights and their names tell.
Decision by_place(const Entries& entries, const VariantHints& hints, const Catalog& catalog) {
  Decision decision{.left = entries};
  if (hints.expert_folder) {
    Entries left;
    std::ranges::copy_if(entries, std::back_inserter(left), [&hints](const CatalogEntry* entry) {
      return hints.expert_folder->empty() ? entry->expert_folders.empty()
                                          : std::ranges::find(entry->expert_folders, *hints.expert_folder) !=
                                                entry->expert_folders.end();
    });
    if (!left.empty() && left.size() < entries.size()) {
      decision = {std::move(left), hints.expert_folder->empty() ? "a model of one transformer"
                                                                : "the folder " + *hints.expert_folder};
    }
  }
  if (decision.left.size() > 1 && !hints.component.empty()) {
    Entries left;
    std::ranges::copy_if(decision.left, std::back_inserter(left), [&](const CatalogEntry* entry) {
      return catalog.component_of(*entry) == hints.component;
    });
    if (!left.empty()) decision = {std::move(left), "its name, " + hints.component};
  }
  if (decision.left.size() == 1) return decision;
  Decision named = by_names(decision.left, hints.names);
  return named.by.empty() ? decision : named;
}

Decision decide(const Entries& entries, const VariantHints& hints, const Catalog& catalog) {
  if (!hints.variant.empty()) return {{&chosen(entries, hints.variant)}, "model.variants"};
  if (entries.size() == 1) return {.left = entries};
  Decision placed = by_place(entries, hints, catalog);
  if (placed.left.size() == 1) return placed;
  Decision digested = by_digest(placed.left, hints);
  return digested.by.empty() ? placed : digested;
}

/// Takes what the entries of a hash say.
void take(Identity& identity, const Entries& entries, const VariantHints& hints, const ShapeTable& shapes,
          const Catalog& catalog) {
  Decision decision = decide(entries, hints, catalog);
  const CatalogEntry& entry = *decision.left.front();
  take_entry(identity, entry, layout_of(entry, shapes, catalog));
  identity.hyper_parameters = entry.hyper_parameters;
  if (decision.left.size() == 1) {
    identity.variant = entry.name;
    identity.preset = entry.preset;
    identity.decided_by = std::move(decision.by);
  } else {
    identity.candidates = names(decision.left);
  }
}

/// Whether all entries agree on what a name alone can tell.
bool agree(const std::vector<const CatalogEntry*>& entries) {
  const CatalogEntry& first = *entries.front();
  return std::ranges::all_of(entries, [&first](const CatalogEntry* entry) {
    return entry->family == first.family && entry->role == first.role && entry->layout == first.layout;
  });
}

/// What is no model as it stands: a LoRA, or one with a prefix before its names.
bool see_through(Identity& identity, const ShapeTable& shapes, const Catalog& catalog,
                 const VariantHints& hints) {
  if (is_lora(shapes.tensors())) {
    identity.how = "fingerprint";
    identity.role = "lora";
    return true;
  }
  std::string prefix = find_prefix(shapes, catalog);
  if (prefix.empty()) return false;
  Identity bare = identify(ShapeTable{behind(shapes, prefix)}, catalog, hints);
  bare.prefix = std::move(prefix);
  bare.key_hash_bare = std::exchange(bare.key_hash, identity.key_hash);
  bare.key_hash_names = identity.key_hash_names;
  bare.key_hash_flat = identity.key_hash_flat;
  identity = std::move(bare);
  return true;
}

}  // namespace

Identity identify(const ShapeTable& shapes, const Catalog& catalog, const VariantHints& hints,
                  const DictionaryHashes& dictionary) {
  Identity identity;
  const std::string tensors_hash = key_hash(shapes.tensors());
  const std::string tensors_hash_names = key_hash_names(shapes.tensors());
  identity.key_hash = dictionary.key_hash.empty() ? tensors_hash : dictionary.key_hash;
  identity.key_hash_names = dictionary.key_hash.empty() ? tensors_hash_names : dictionary.key_hash_names;
  if (dictionary.nested) identity.key_hash_flat = tensors_hash;
  auto entries = catalog.with_hash(identity.key_hash);
  if (entries.empty()) entries = catalog.with_hash(tensors_hash);
  if (!entries.empty()) {
    identity.how = "catalog";
    take(identity, entries, hints, shapes, catalog);
    return identity;
  }
  const auto same_names = catalog.with_names_hash(tensors_hash_names);
  // Some are known by their names alone.
  Entries by_names_alone;
  std::ranges::copy_if(same_names, std::back_inserter(by_names_alone),
                       [](const CatalogEntry* entry) { return entry->key_hash.empty(); });
  const Layout* layout = nullptr;
  if (!by_names_alone.empty()) {
    identity.how = "catalog-keys";
    take(identity, by_names_alone, hints, shapes, catalog);
    if (const Layout* known = recognised_layout(identity, catalog); known != nullptr) {
      nlohmann::json told = solve(*known, shapes);
      told.update(identity.hyper_parameters);
      identity.hyper_parameters = std::move(told);
    }
    return identity;
  }
  if (!same_names.empty() && agree(same_names)) {
    identity.how = "catalog-keys";
    layout = layout_of(*same_names.front(), shapes, catalog);
    take_entry(identity, *same_names.front(), layout);
  } else if (layout = fingerprint(shapes, catalog); layout != nullptr) {
    identity.how = "fingerprint";
    identity.family = layout->family;
    identity.role = layout->role;
    identity.layout = layout->layout;
    identity.architecture = layout->architecture;
  }
  if (layout != nullptr) identity.hyper_parameters = solve(*layout, shapes);
  if (layout == nullptr && identity.family.empty() && see_through(identity, shapes, catalog, hints))
    return identity;
  identity.nearest = nearest_entries(shapes, catalog);
  return identity;
}

const Layout* recognised_layout(const Identity& identity, const Catalog& catalog) {
  const auto found = std::ranges::find_if(catalog.layouts(), [&identity](const Layout& layout) {
    return layout.architecture == identity.architecture && layout.layout == identity.layout &&
           (!layout.architecture.empty() ||
            (layout.family == identity.family && layout.role == identity.role));
  });
  return found == catalog.layouts().end() ? nullptr : &*found;
}

}  // namespace ditmill::registry
