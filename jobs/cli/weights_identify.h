#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::cli {

/// What the command line of `weights identify` says.
struct IdentifyOptions {
  std::vector<std::string> paths;  ///< files, indices, component folders or model folders
  std::string catalog = {};        ///< --catalog: further entries; empty: none
  std::string as = {};             ///< --as: empty, or "diffusers" for diffusers' own answer
  bool json = false;
};

/// A file that cannot be read or told, as `{path, error: {category, message, offset}}`.
nlohmann::json unread_json(const std::string& path, const Error& error);
/// What the exit code of several findings follows from.
struct WorstFinding {
  bool unknown = false;  ///< something is unknown or undecided: 2
  int error = 0;         ///< of errors: 1 before 3

  void add(const Error& problem) { error = error == 1 ? 1 : exit_code(problem.category()); }
  int code() const { return error != 0 ? error : unknown ? exit_incomplete : 0; }
};

/// Text, or null if there is none.
nlohmann::json or_null(std::string_view text);

/// Says what weights are, a line (or an object) for each component: contracts.md, "identify". Everything is
/// printed before it returns the exit code: 0 all is known, 2 something is unknown or undecided, 1 something
/// cannot be read (3: because of the machine).
int weights_identify(const IdentifyOptions& options, std::ostream& out);

}  // namespace ditmill::jobs::cli
