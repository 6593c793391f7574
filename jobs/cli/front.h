#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <string>

#include "jobs/cli/results/run.h"

namespace ditmill::jobs {

/// The command line of the front: what its subcommands share, and which of them was chosen.
class Front {
 public:
  /// What a subcommand does; it writes its results to the stream, and returns the exit code.
  using Command = std::function<int(std::ostream&)>;

  bool json = false;  ///< --json
  std::string out;    ///< --out

  /// A subcommand with --out, and --json if it has results for machines. This outlives the parsing.
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& what, bool has_json,
                Command command);
  /// A subcommand that only holds others.
  static CLI::App& add_room(CLI::App& parent, const std::string& name, const std::string& what);

  /// Does what was chosen.
  int run() const;

 private:
  Command chosen_;
};

/// Results go to the stream, notes to standard error.
int say(std::ostream& out, const ResultsOutput& results);

/// Adds `results` with all its subcommands but `replay`, which is the engine's. Returns it.
CLI::App& add_results(CLI::App& app, Front& front);

}  // namespace ditmill::jobs
