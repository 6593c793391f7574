#include "registry/tools/catalog_check.h"

#include <nlohmann/json.hpp>

#include "registry/identity/catalog.h"

namespace ditmill::registry {
namespace {

/// A problem at an entry's name.
Problem problem_at_entry(const CatalogEntry& entry, std::string message, std::string expected) {
  return {.file = entry.place.file,
          .line = entry.place.line,
          .column = entry.place.column,
          .message = std::move(message),
          .expected = std::move(expected)};
}

/// Nothing but the name tells them apart: no weights, folder or setting.
bool says_the_same(const CatalogEntry& a, const CatalogEntry& b) {
  return a.family == b.family && a.role == b.role && a.layout == b.layout && a.preset == b.preset &&
         a.expert_folders == b.expert_folders && a.words == b.words && a.sha256 == b.sha256 &&
         a.hyper_parameters == b.hyper_parameters;
}

/// What an entry is to an earlier one with its hash.
void compare_entries(const CatalogEntry& entry, const CatalogEntry& earlier, std::vector<Problem>& problems) {
  if (entry.key_hash != earlier.key_hash || entry.key_hash.empty()) return;
  const std::string other = earlier.name + " at " + earlier.source;
  if (entry.key_hash_names != earlier.key_hash_names) {
    problems.push_back(
        problem_at_entry(entry, entry.name + " has the key_hash of " + other + " and another key_hash_names",
                         "one hash of names for one hash of names and shapes"));
  } else if (entry.user != earlier.user) {
    problems.push_back(problem_at_entry(entry, entry.name + " hides " + other + ", which has its key_hash",
                                        "weights that the catalog does not know"));
  } else if (says_the_same(entry, earlier)) {
    problems.push_back(problem_at_entry(entry, entry.name + " says of its weights what " + other + " says",
                                        "another preset, expert_folder, words, sha256 or hyper_parameters"));
  }
}

}  // namespace

std::vector<Problem> check_catalog(const std::string& file) {
  Catalog catalog;
  try {
    catalog = Catalog::built_in();
    if (!file.empty()) catalog.add_file(file);
  } catch (const Error& error) {
    if (error.problems().empty()) throw;
    return error.problems();
  }
  std::vector<Problem> problems;
  const std::vector<CatalogEntry>& entries = catalog.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].user == file.empty()) continue;
    for (std::size_t j = 0; j < i; ++j) compare_entries(entries[i], entries[j], problems);
  }
  return problems;
}

}  // namespace ditmill::registry
