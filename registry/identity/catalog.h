#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// The roles that a component can have (contracts.md).
std::span<const std::string_view> role_names() noexcept;
/// Whether an entry can have this name: letters, digits and ._~-, at most 128.
bool is_entry_name(std::string_view text) noexcept;

/// What the catalog says of weights with one key hash. Entries that share a hash are variants.
struct CatalogEntry {
  std::string name;  ///< the variant: "wan2.1-t2v-1.3b"; the same weights in another layout have the same
  std::string family;
  std::string role;
  std::string layout;
  std::string key_hash;
  std::string key_hash_names;
  std::string preset;  ///< may be empty
  nlohmann::json hyper_parameters = nlohmann::json::object();
  /// The subfolder that these weights have in a model of two experts; tells such variants apart. May be
  /// empty.
  std::string expert_folder;
  std::string source;  ///< file:line of the entry
  bool user = false;   ///< from a file that the user named
};

/// The known weights: the entries compiled in, and the user's own.
class Catalog {
 public:
  /// The entries of registry/catalog/*.yaml.
  static Catalog built_in();
  /// Adds the entries of a user's file: a YAML list, or a mapping of `entries` and `layouts`. All that is
  /// wrong with it is thrown together as an Error.
  void add_file(const std::string& path);
  /// As add_file(), of text; `label` names it in messages.
  void add_text(std::string_view text, const std::string& label);

  const std::vector<CatalogEntry>& entries() const noexcept { return entries_; }
  const std::vector<Layout>& layouts() const noexcept { return layouts_; }
  /// Entries of the hash; the user's own hide those compiled in.
  std::vector<const CatalogEntry*> with_hash(std::string_view key_hash) const;
  std::vector<const CatalogEntry*> with_names_hash(std::string_view key_hash_names) const;
  const CatalogEntry* named(std::string_view name) const;
  /// The layout of a family's role, or null.
  const Layout* layout_of(std::string_view family, std::string_view role, std::string_view layout) const;
  const Layout* layout_of(const CatalogEntry& entry) const {
    return layout_of(entry.family, entry.role, entry.layout);
  }

 private:
  void add(std::string_view text, const std::string& label, bool user, std::vector<Problem>& problems);
  /// The entry that has the name in this layout already, or null.
  const CatalogEntry* taken(const CatalogEntry& entry) const;

  std::vector<CatalogEntry> entries_;
  std::vector<Layout> layouts_;
};

}  // namespace ditmill::registry
