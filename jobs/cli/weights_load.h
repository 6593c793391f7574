#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::cli {

/// What the command line of `weights load` says.
struct WeightsLoadOptions {
  std::string model;    ///< a model folder, or one component
  std::string catalog;  ///< as model.catalog: further entries; empty: none
  bool read = false;    ///< every byte of every tensor, too
  bool json = false;
};

/// Loads every component of a model as a job would, from headers, and says what it found, a line (or an
/// object) each. Returns 0, 2 if a component is wrong, 1 if something cannot be read (3: because of the
/// machine). Throws Error as registry::load_model().
int weights_load(const WeightsLoadOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli
