#include "registry/tools/catalog_check.h"

#include <nlohmann/json.hpp>

#include "configs/number_text.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {
namespace {

/// A problem at the place that an entry's source names, `file:line`.
Problem problem_at_entry(const CatalogEntry& entry, std::string message, std::string expected) {
  const std::size_t colon = entry.source.rfind(':');
  const auto line = colon == std::string::npos
                        ? std::nullopt
                        : number_from_text<int>(std::string_view{entry.source}.substr(colon + 1));
  return {.file = line ? entry.source.substr(0, colon) : entry.source,
          .line = line.value_or(0),
          .message = std::move(message),
          .expected = std::move(expected)};
}

/// Nothing but the name tells them apart: no weights, folder or setting.
bool says_the_same(const CatalogEntry& a, const CatalogEntry& b) {
  return a.family == b.family && a.role == b.role && a.layout == b.layout && a.preset == b.preset &&
         a.expert_folder == b.expert_folder && a.hyper_parameters == b.hyper_parameters;
}

/// What an entry is to an earlier one with its hash.
void compare_entries(const CatalogEntry& entry, const CatalogEntry& earlier, std::vector<Problem>& problems) {
  if (entry.key_hash != earlier.key_hash) return;
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
                                        "another preset, expert_folder or hyper_parameters"));
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
