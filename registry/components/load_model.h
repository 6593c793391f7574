#pragma once

#include <string>

#include "registry/components/load_report.h"
#include "registry/identity/catalog.h"

namespace ditmill::registry {

/// Loads every component of a model, each by its type, from headers; with `read`, every byte of its tensors
/// is read once. A path is a folder in the diffusers layout (with model_index.json, modular_model_index.json,
/// or neither), one in the official layout, or one component: a folder, an index, a file. What is wrong with
/// a component is a finding. Throws Error: not_found for a path that is not there (with what downloads it, if
/// it names a repository), bad_input for a malformed index or a folder that holds no model, io.
LoadReport load_model(const std::string& path, const Catalog& catalog, bool read);

}  // namespace ditmill::registry
