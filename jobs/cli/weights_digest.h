#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace ditmill::jobs::cli {

/// What the command line of `weights digest` says.
struct WeightsDigestOptions {
  std::vector<std::string> paths;  ///< files, indices, folders or patterns
  std::string write;               ///< the record's file; empty: none
  std::string verify;              ///< a record to compare with; empty: none
  std::string catalog;             ///< as model.catalog: a part of what model.digest pins; empty: none
  bool json = false;
};

/// Digests weights, and writes the record or compares with one: contracts.md. Returns 0, or 2 if files are
/// not as recorded. Throws Error as opening, reading and writing do.
int weights_digest(const WeightsDigestOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli
