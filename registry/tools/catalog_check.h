#pragma once

#include <string>
#include <vector>

#include "configs/error.h"

namespace ditmill::registry {

/// What is wrong with the catalog that is compiled in, or with a user's file on top of it (empty: none),
/// each with its place: what is malformed; else entries that say what another one says, that contradict
/// another one's hash of names, or that are hidden by a user's entry. Throws Error(not_found, io) if the file
/// cannot be read.
std::vector<Problem> check_catalog(const std::string& file);

}  // namespace ditmill::registry
