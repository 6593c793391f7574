#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

#include "configs/manifest_schema.h"
#include "jobs/cli/front.h"
#include "jobs/cli/options/run_options.h"
#include "jobs/plan/plan_job.h"
#include "jobs/submit/cancel.h"
#include "jobs/submit/stage.h"
#include "jobs/submit/submit.h"
#include "jobs/submit/submit_array.h"

namespace ditmill::jobs::cli {
namespace {

/// `--retry [STATES]`: what follows it may also be the manifest.
void add_retry_option(CLI::App& command, submit::SubmitOptions& options) {
  command
      .add_option_function<std::string>(
          "--retry",
          [&options](const std::string& text) {
            options.retry = true;
            if (text.empty() || text == "true") return;  // no word at all
            if (const std::optional<run::Retry> states = plan::retry_from_text(text)) {
              options.run.retry = *states;
            } else if (options.run.manifest.empty()) {
              options.run.manifest = text;
            } else {
              throw CLI::ValidationError("--retry", text + " is neither failed nor quarantined, nor both");
            }
          },
          "Submit again what of an array has ended unfinished; with failed or quarantined, or both, their "
          "items, too")
      ->expected(0, 1)
      ->type_name("[STATES]");
  command.parse_complete_callback([&options] {
    if (options.run.manifest.empty()) throw CLI::RequiredError("a manifest");
  });
}

void add_submit_options(CLI::App& command, submit::SubmitOptions& options) {
  command.add_option("manifest", options.run.manifest, "The job manifest (YAML)");
  // Before the options that add to it: it assigns.
  command.add_option("--set", options.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command.footer("What follows -- are options for sbatch, verbatim: -- --constraint=a100 --mem=0");
  const auto set = [&]<typename Value>(const char* option, const char* key, const char* what,
                                       const char* type, Value /*of this type*/) {
    command
        .add_option_function<Value>(
            option,
            [&options, key](const Value& value) {
              options.run.sets.push_back(fmt::format("slurm.{}={}", key, nlohmann::json(value).dump()));
            },
            fmt::format("{}, instead of slurm.{}", what, key))
        ->type_name(type);
  };
  set("--nodes", "nodes", "Nodes", "N", int{});
  set("--ranks-per-node", "ranks_per_node", "Ranks on each", "N", int{});
  set("--gpus-per-node", "gpus_per_node", "GPUs on each", "N", int{});
  set("--time", "time", "The time limit", "TIME", std::string{});
  set("--partition", "partition", "The partition", "NAME", std::string{});
  add_passed_options(command, options.run);
  command
      .add_option(
          "--array", options.array,
          "K jobs in place of one, each with every K-th item and a run directory of its own, merged at "
          "the end; K%M: M of them at a time at most")
      ->type_name("K[%M]")
      ->check([](const std::string& text) {
        return submit::array_option_from_text(text) ? "" : "expected K or K%M, as 8 or 8%2, but got " + text;
      });
  add_retry_option(command, options);
  command.add_option("--run-dir", options.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");
  command.add_flag("--print-script", options.print_script, "Print the batch script, and submit nothing");
  command.add_flag("--test-only", options.test_only, "Ask sbatch when it would start, and submit nothing");
  command.add_flag("--wait", options.wait, "Wait for the run's end, and exit with its code");
}

void add_stage_options(CLI::App& command, submit::StageOptions& options) {
  command.add_option("--to", options.to, "A folder of your own on this machine's disk")
      ->required()
      ->type_name("DIR");
  CLI::Option* program =
      command.add_flag("--program", options.program, "Copy ditmill and the libraries that it loads");
  CLI::Option* weights =
      command.add_option("--weights", options.weights, "Copy the weights of this model")->type_name("MODEL");
  CLI::Option* manifest =
      command
          .add_option("--manifest", options.manifest,
                      "Copy the weights of this manifest's model, of its scattered components, too")
          ->type_name("FILE")
          ->excludes(weights);
  command.add_option("--catalog", options.catalog, "Catalog entries that know the model, as model.catalog")
      ->type_name("FILE")
      ->needs(weights);
  command
      .add_flag("--remove", options.remove, "Remove the folder, unless a job that is alive has staged there")
      ->excludes(program, weights, manifest);
}

/// Takes what follows the first `--` of a command line that begins with `submit`, so that no option before it
/// can take it for its value; returns how many words are left.
int take_sbatch_options(submit::SubmitOptions& options, int argc, char** argv) {
  if (argc < 2 || std::string_view{argv[1]} != "submit") return argc;
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view{"--"});
  if (dashes != end) options.sbatch.assign(dashes + 1, end);
  return static_cast<int>(dashes - argv);
}

}  // namespace

void add_plan(CLI::App& app, Front& front) {
  const auto options = std::make_shared<plan::PlanOptions>();
  plan::PlanOptions& plan = *options;
  CLI::App& command =
      front.add(app, "plan", "What the rest of a job takes on so many nodes, from a pilot's measurements",
                true, [&front, options](std::ostream& out) {
                  options->json = front.json;
                  return plan::plan_run(*options, out);
                });
  command.add_option("manifest", plan.run.manifest, "The job manifest (YAML)")->required();
  command.add_option("--nodes", plan.nodes, "Numbers of nodes to plan for")
      ->required()
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N,N,...");
  command
      .add_option("--ranks-per-node", plan.ranks_per_node, "Default: slurm.ranks_per_node, else the pilot's")
      ->check(CLI::Range(1, 1 << 16))
      ->type_name("N");
  command.add_option("--pilot", plan.pilot, "The run to learn from, instead of the manifest's run directory")
      ->type_name("RUN");
  command.add_option("--set", plan.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command.add_option("--run-dir", plan.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");
}

int add_submit(CLI::App& app, Front& front, int argc, char** argv) {
  const auto options = std::make_shared<submit::SubmitOptions>();
  add_submit_options(front.add(app, "submit", "Give a job to Slurm, checked and frozen", true,
                               [&front, options](std::ostream& out) {
                                 options->json = front.json;
                                 return submit::submit_run(*options, out);
                               }),
                     *options);
  return take_sbatch_options(*options, argc, argv);
}

void add_cancel(CLI::App& app, Front& front) {
  struct Cancelled {
    std::string run;
    bool now = false;
  };
  const auto options = std::make_shared<Cancelled>();
  CLI::App& command = front.add(app, "cancel", "End the Slurm job of a run, in order", true,
                                [&front, options](std::ostream& out) {
                                  return submit::cancel_run(options->run, options->now, front.json, out);
                                });
  command.add_option("run", options->run, "A run directory")->required();
  command.add_flag("--now", options->now, "At once: what is in hand is lost, as by scancel");
}

void add_stage(CLI::App& app, Front& front) {
  const auto options = std::make_shared<submit::StageOptions>();
  add_stage_options(
      front.add(app, "stage", "Copy a job's program and weights to this machine's own disk", true,
                [&front, options](std::ostream& out) {
                  options->json = front.json;
                  return submit::stage(*options, out);
                }),
      *options);
}

void add_schema(CLI::App& app, Front& front) {
  front.add(app, "schema", "A JSON schema of manifests, for editors and validators", false,
            [](std::ostream& out) {
              out << configs::manifest_schema().dump(2) << "\n";
              return 0;
            });
}

}  // namespace ditmill::jobs::cli
