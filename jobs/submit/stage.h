#pragma once

#include <ostream>
#include <string>

namespace ditmill::jobs::submit {

/// What the command line of `stage` says.
struct StageOptions {
  std::string to;        ///< --to DIR
  bool program = false;  ///< --program
  std::string weights;   ///< --weights PATH: a model folder
  std::string manifest;  ///< --manifest FILE: the weights of its model, wherever they lie
  std::string catalog;   ///< --catalog FILE, as model.catalog
  bool remove = false;   ///< --remove
  bool json = false;
};

/// `ditmill stage`: copies to this machine's own disk what a job will read, each file to its absolute path
/// below DIR, or removes DIR. Says how much, in a line, or as JSON: {node, to, copied_bytes, present_bytes,
/// seconds}; with --remove {node, to, removed, users}. Throws Error as stage_files() does.
int stage(const StageOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::submit
