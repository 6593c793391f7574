#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// `registry verify`: what is wrong with the catalog that is compiled in, or with a user's file, a line each.
/// Returns 0 if nothing is, else 2. Throws Error if the file cannot be read.
int registry_verify(const std::string& file, std::ostream& out);

}  // namespace ditmill::jobs::cli
