#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "registry/identity/catalog.h"
#include "registry/identity/family_slots.h"
#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What a catalog file says.
struct CatalogFile {
  std::vector<Layout> architectures;  ///< by the names of the layers
  std::vector<Layout> layouts;        ///< one for each layout of each architecture
  std::vector<CatalogEntry> entries;
  std::vector<FamilySlots> families;
};

/// Reads a catalog: a YAML list of entries, or a mapping of `architectures`, `families`, `layouts`
/// and `entries` (registry/catalog/README.md). `label` names it in messages. What is wrong with it is added
/// to `problems`.
CatalogFile read_catalog(std::string_view text, const std::string& label, std::vector<Problem>& problems);

}  // namespace ditmill::registry
