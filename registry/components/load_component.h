#pragma once

#include "registry/components/load_report.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_folder.h"

namespace ditmill::registry {

/// What is known of a component before it is looked at.
struct ComponentRequest {
  ComponentPlace place;         ///< its folder or file
  std::string name;             ///< empty: its weights tell
  std::string library = {};     ///< as an index declares it; empty: nothing does
  std::string class_name = {};  ///< the same
  bool config_beside = true;    ///< its layout keeps a config.json beside weights
  bool read = false;            ///< every byte, too
};

/// Loads a component as its row of the table says, from headers: which files are its weights, what they are,
/// and what becomes of each tensor; small files are read and parsed. All that is wrong is a finding, none is
/// thrown.
LoadedComponent load_component(const ComponentRequest& request, const Catalog& catalog);

}  // namespace ditmill::registry
