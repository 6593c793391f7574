#include "jobs/cli/front.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "jobs/results/files/output.h"

namespace ditmill::jobs::cli {

CLI::App& Front::add(CLI::App& parent, const std::string& name, const std::string& what, bool has_json,
                     Command command) {
  CLI::App* app = parent.add_subcommand(name, what);
  if (has_json) app->add_flag("--json", json, "Results as JSON");
  app->add_option("--out", out, "Write results to a file instead of standard output")->type_name("FILE");
  app->callback([this, command = std::move(command)] { chosen_ = command; });
  return *app;
}

CLI::App& Front::add_room(CLI::App& parent, const std::string& name, const std::string& what) {
  CLI::App* room = parent.add_subcommand(name, what);
  room->require_subcommand(1);
  return *room;
}

int Front::run() const { return results::write_results(out, chosen_); }

int say(std::ostream& out, const results::ResultsOutput& results) {
  for (const std::string& note : results.notes) std::cerr << "ditmill: " << note << "\n";
  out << results.text;
  return results.code;
}

}  // namespace ditmill::jobs::cli
