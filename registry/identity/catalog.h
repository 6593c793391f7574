#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::registry {

/// What the catalog says of weights with one key hash. Entries that share a hash are variants.
struct CatalogEntry {
  std::string name;  ///< the variant, unique in the catalog: "wan2.1-t2v-1.3b"
  std::string family;
  std::string role;
  std::string layout;
  std::string key_hash;
  std::string key_hash_names;
  std::string preset;  ///< may be empty
  nlohmann::json hyper_parameters = nlohmann::json::object();
  std::string source;  ///< file:line of the entry
};

/// The known weights: the entries compiled in, and the user's own.
class Catalog {
 public:
  /// The entries of registry/catalog/*.yaml.
  static Catalog built_in();
  /// Adds the entries of a user's file (a YAML list); all that is wrong with it is thrown together as an Error.
  void add_file(const std::string& path);

  const std::vector<CatalogEntry>& entries() const noexcept { return entries_; }
  std::vector<const CatalogEntry*> with_hash(std::string_view key_hash) const;
  std::vector<const CatalogEntry*> with_names_hash(std::string_view key_hash_names) const;

 private:
  void add(std::string_view text, const std::string& label, std::vector<Problem>& problems);

  std::vector<CatalogEntry> entries_;
};

}  // namespace ditmill::registry
