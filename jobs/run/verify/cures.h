#pragma once

#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/run/verify/damage.h"

namespace ditmill::jobs::run {

/// What mends the damage that verify_run() found, in the order in which to do it: a sentence each, with its
/// command in backquotes. Nothing is touched that is whole. Throws Error(io).
std::vector<std::string> cures(const results::RunDirectory& run, const std::vector<Damage>& damage);

/// The one for results.h5, whatever is wrong with it.
std::string index_cure(const results::RunDirectory& run);

/// Throws an error about what a run has stored again, with a hint if it has none; any other as it is.
[[noreturn]] void rethrow_with_cure(const Error& error, const results::RunDirectory& run);

}  // namespace ditmill::jobs::run
