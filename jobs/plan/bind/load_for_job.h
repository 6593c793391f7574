#pragma once

#include <string>

#include "registry/components/load_report.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::plan {

/// What registry::load_model() says of a model, and what only a job's own parts tell: whether its tokenizer
/// opens, and in what its scheduler differs from the preset that a job takes for these weights. Throws as
/// load_model().
registry::LoadReport load_for_job(const std::string& path, const registry::Catalog& catalog, bool read);

}  // namespace ditmill::jobs::plan
