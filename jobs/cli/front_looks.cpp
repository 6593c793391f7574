#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "jobs/cli/front.h"
#include "jobs/cli/registry_template.h"
#include "jobs/cli/registry_verify.h"
#include "jobs/cli/status.h"
#include "jobs/watch/report/write_report.h"

namespace ditmill::jobs::cli {

void add_registry(CLI::App& app, Front& front) {
  CLI::App& registry = Front::add_room(app, "registry", "The catalog of known weights");
  const auto more = std::make_shared<std::string>();
  const auto add_catalog = [more](CLI::App& command) {
    command.add_option("--catalog", *more, "Further entries, as model.catalog")->type_name("FILE");
  };
  add_catalog(front.add(registry, "list", "The known weights", true,
                        [&front, more](std::ostream& out) { return registry_list(front.json, *more, out); }));
  const auto options = std::make_shared<TemplateOptions>();
  CLI::App& make_template =
      front.add(registry, "template", "Print the catalog entries that make weights known", false,
                [options, more](std::ostream& out) {
                  options->catalog = *more;
                  return registry_template(*options, out, std::cerr);
                });
  add_catalog(make_template);
  make_template
      .add_option("path", options->paths,
                  "A model folder, or a component: a file, an index, a folder, all its shards")
      ->required();
  make_template.add_option("--name", options->name, "The name of the new variant")
      ->required()
      ->type_name("NAME");
  make_template.add_flag(
      "--digest", options->digest,
      "Read the weights and state their SHA-256, which tells them from others of equal hash");
  make_template
      .add_option("--class", options->architecture,
                  "The architecture, as `registry list --json` has it, where names leave it open")
      ->type_name("NAME");
  make_template.add_option("--resource", options->layout, "The layout that the weights have to be in")
      ->check(CLI::IsMember({"official", "diffusers"}));
  const auto file = std::make_shared<std::string>();
  front
      .add(registry, "verify", "Malformed, repeated and hidden entries, with their lines; 2: there are some",
           false, [file](std::ostream& out) { return registry_verify(*file, out); })
      .add_option("file", *file, "A file for model.catalog; default: the catalog that is compiled in");
}

void add_status(CLI::App& app, Front& front) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App& command = front.add(app, "status", "Where a run stands, at work or not", true,
                                [&front, options](std::ostream& out) {
                                  options->json = front.json;
                                  return show_status(*options, out);
                                });
  command.add_option("run", options->run_directory, "A run directory")->required();
  command.add_flag("--watch", options->watch, "Look every 2 s until the run is over")
      ->excludes(command.get_option("--out"));
  command
      .add_option("--joblog", options->joblog,
                  "Write GNU parallel's joblog instead, a line an attempt; - for standard output")
      ->type_name("FILE")
      ->excludes(command.get_option("--watch"), command.get_option("--json"));
}

void add_report(CLI::App& app, Front& front) {
  const auto options = std::make_shared<watch::ReportOptions>();
  CLI::App& command =
      front.add(app, "report", "Write one HTML page about a run", false,
                [options](std::ostream& out) { return say(out, watch::write_report(*options)); });
  command.add_option("run", options->run_directory, "A run directory")->required();
  command.remove_option(command.get_option("--out"));  // here it names the page
  command.add_option("--out", options->out, "The page; default: report.html in the run directory")
      ->type_name("FILE");
}

}  // namespace ditmill::jobs::cli
