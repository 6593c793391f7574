#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "registry/identity/family_slots.h"
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
  std::string architecture;    ///< whose tensors it has; empty: that of its family's role, if any
  std::string key_hash;        ///< empty: these weights are known by their names alone
  std::string key_hash_names;  ///< empty: not known
  std::string preset;          ///< may be empty
  nlohmann::json hyper_parameters = nlohmann::json::object();
  /// The subfolders that these weights have in a model of two experts; they tell such variants apart.
  std::vector<std::string> expert_folders;
  /// What names of their files and folders hold, in lower case, where others have the same hash.
  std::vector<std::string> words;
  /// SHA-256 (64 digits) of files, or digest roots, that these weights have; none in the catalog compiled in.
  std::vector<std::string> sha256;
  std::uint64_t parameters = 0;  ///< 0: not known
  std::string origin;            ///< who says so; may be empty
  std::string defect;            ///< why no file may ever have this hash; may be empty
  std::string source;            ///< file:line of the entry
  Where place = {};              ///< of its name in that file
  bool user = false;             ///< from a file that the user named
};

/// The known weights: the entries compiled in, and the user's own.
class Catalog {
 public:
  /// The entries of registry/catalog/*.yaml.
  static Catalog built_in();
  /// These, those of the file that $DITMILL_CATALOG names, and those of `file` (empty: none). Throws as
  /// add_file().
  static Catalog known(const std::string& file = {});
  /// Adds what a user's file has: a YAML list of entries, or a mapping of `entries`, `architectures`,
  /// `families` (each in place of one of its name) and `layouts` (of earlier versions: names by regular
  /// expressions). All that is wrong with it is thrown together as an Error.
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
  const Layout* layout_of(const CatalogEntry& entry) const;
  /// The name that a model of two transformers gives an entry's component; empty for one of others.
  std::string_view component_of(const CatalogEntry& entry) const;
  /// An architecture's tensors by the names of the layers, or null.
  const Layout* architecture(std::string_view name) const;
  /// How model folders are laid out: those that have been said last come first.
  const std::vector<FamilySlots>& families() const noexcept { return families_; }
  const FamilySlots* family(std::string_view name) const;

 private:
  void add(std::string_view text, const std::string& label, bool user, std::vector<Problem>& problems);
  /// The entry that has the name in this layout already, or null.
  const CatalogEntry* taken(const CatalogEntry& entry) const;

  std::vector<CatalogEntry> entries_;
  std::vector<Layout> layouts_;
  std::vector<Layout> architectures_;
  std::vector<FamilySlots> families_;
};

/// An architecture of the catalog that is compiled in. Throws Error(internal) if there is none of that name.
const Layout& built_in_architecture(std::string_view name);
/// One of its layouts. Throws likewise.
const Layout& built_in_layout(std::string_view architecture, std::string_view layout);
/// The slots of a family of that catalog; of one that it does not lay out, those of its first.
const FamilySlots& built_in_slots(std::string_view family);

}  // namespace ditmill::registry
