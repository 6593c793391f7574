#pragma once

#include <span>
#include <string>

#include "registry/formats/digest_record.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::plan {

/// The digest of the whole model at a path, from the digests of its files, as a job computes it while it
/// loads them: what the catalog knows of them is a part of it. If no job could use the model: none, and why.
/// Throws Error(internal) if a file's digest is not there.
registry::ModelDigest digest_of_model(const std::string& path, const registry::Catalog& catalog,
                                      std::span<const registry::DigestedFile> files);

}  // namespace ditmill::jobs::plan
