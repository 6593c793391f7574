#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "jobs/cli/options/cli_app.h"
#include "jobs/results/listing/stored_run.h"

namespace ditmill::jobs::cli {

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
int say(std::ostream& out, const results::ResultsOutput& results);

/// Each adds its subcommand, with its options.
void add_plan(CLI::App& app, Front& front);
void add_cancel(CLI::App& app, Front& front);
void add_stage(CLI::App& app, Front& front);
void add_weights(CLI::App& app, Front& front);
void add_registry(CLI::App& app, Front& front);
void add_status(CLI::App& app, Front& front);
void add_report(CLI::App& app, Front& front);
void add_schema(CLI::App& app, Front& front);
/// To `bench`: what the front does itself, `sweep` and `report`.
void add_bench_tools(CLI::App& bench, Front& front);
/// `submit`; takes from its command line what follows the first `--`: options for sbatch. Returns how many
/// words are left to parse.
int add_submit(CLI::App& app, Front& front, int argc, char** argv);

/// Adds `results` with all its subcommands but `replay`, which is the engine's. Returns it.
CLI::App& add_results(CLI::App& app, Front& front);

}  // namespace ditmill::jobs::cli
