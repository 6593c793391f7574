#include "jobs/cli/options/run_options.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "configs/version.h"

namespace ditmill::jobs::cli {

void add_passed_options(CLI::App& command, plan::RunOptions& options) {
  command.add_flag("--drop", options.drop, "Forget items that are no longer in the list");
  command.add_option("--only", options.selection.only, "Do only these items, and leave the others")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("IDS");
  command.add_flag("--shuffle", options.selection.shuffle,
                   "Do the items in an order that is as good as random, and the same in every start");
  command
      .add_option("--max-fails", options.max_fails,
                  "Take up nothing new once so many items have failed; 0: any")
      ->check(CLI::Range(0, 1 << 30))
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--skip-memory-check", options.skip_memory_check,
                   "Start even if the plan says that the machines have too little memory");
  command
      .add_option("--device", options.device,
                  "Where to compute: auto (a CUDA device where there is one), cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("DEVICE")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Threads a rank (default: allocated cores / local ranks)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command
      .add_option("--watchdog", options.watchdog,
                  "Seconds without progress after which a rank ends the job; 0: none")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("SECONDS")
      ->capture_default_str();
}

namespace {

/// Which job, and where its results are.
void add_job_options(CLI::App& command, plan::RunOptions& options) {
  CLI::Option* manifest = command.add_option("manifest", options.manifest, "The job manifest (YAML)");
  CLI::Option* from_dump =
      command
          .add_option("--from-dump", options.from_dump,
                      "Instead of a manifest: a run's config.json, or an item's config_json; needs --run-dir")
          ->type_name("FILE");
  manifest->excludes(from_dump);
  command.add_option("--set", options.sets, "a.b.c=V: sets a manifest field (V is YAML); may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      .add_option_function<std::string>(
          "--shard",
          [&options](const std::string& shard) {
            options.sets.push_back("requests.shard=" + nlohmann::json(shard).dump());
          },
          "Only the part I of K of the list: every K-th item, from the I-th (from 0) on")
      ->type_name("I/K")
      ->excludes(from_dump);
  CLI::Option* run_dir =
      command.add_option("--run-dir", options.run_dir, "Run directory, instead of output.path")
          ->type_name("DIR");
  from_dump->needs(run_dir);
  CLI::Option* weights_from =
      command
          .add_option("--weights-from", options.weights_from,
                      "Read weights from this copy of model.path; what is recorded is model.path")
          ->type_name("DIR");
  command
      .add_option("--staged", options.staged,
                  "Read weights from the copies that `stage --to DIR` made, also of model.components")
      ->type_name("DIR")
      ->excludes(weights_from);
  command.final_callback([&options] {
    if (options.manifest.empty() && options.from_dump.empty() && options.fields.empty()) {
      throw CLI::RequiredError("a manifest, or --from-dump FILE,");
    }
  });
  command
      .add_option_function<std::string>(
          "--retry",
          [&options](const std::string& text) {
            const std::optional<run::Retry> states = plan::retry_from_text(text);
            if (!states) {
              throw CLI::ValidationError("--retry", text + " is neither failed nor quarantined, nor both");
            }
            options.retry = *states;
          },
          "Do items again that an earlier start gave up: failed, quarantined, or both")
      ->join(',')
      ->type_name("STATES");
}

/// How it is started and ended.
void add_start_options(CLI::App& command, plan::RunOptions& options) {
  command
      .add_option("--pilot", options.selection.pilot,
                  "Do only so many items, spread over the list, and say what the whole list will take")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  command
      .add_option(
          "--grace", options.grace,
          "Seconds from SIGUSR2 (or run/STOP) to the end: items in hand that will not fit are dropped")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("SECONDS")
      ->capture_default_str();
  CLI::Option* np =
      command.add_option("--np", options.np, "Start so many ranks by mpirun, instead of a launcher")
          ->check(CLI::Range(1, 1 << 20))
          ->type_name("N");
  command
      .add_option("--max-crashes", options.max_crashes,
                  "With --np: start again, so many times at most, when a rank was lost")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("N")
      ->capture_default_str()
      ->needs(np);
}

/// `--check`, and for which ranks.
void add_check_options(CLI::App& command, plan::RunOptions& options) {
  CLI::Option* check =
      command.add_flag("--check", options.check, "Check manifest, list and weight headers; run nothing");
  command
      .add_option("--dump", options.dump,
                  "With --check: write what config.json will say, as far as it is known before a run (not "
                  "for --from-dump)")
      ->type_name("FILE")
      ->needs(check);
  command
      .add_option("--fields", options.fields,
                  "List what requests and pipelines of a model take, with bounds and defaults; run nothing")
      ->type_name("MODEL|MANIFEST");
  command
      .add_option("--ranks", options.ranks, "Ranks to check for (default: the launcher's, else the degrees)")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  command
      .add_option("--ranks-per-machine", options.ranks_per_machine,
                  "How many of them a machine has, for parallel: auto (default: all)")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
}

/// What is said, and where.
void add_output_options(CLI::App& command, plan::RunOptions& options) {
  command.add_flag("--json", options.json, "Results as JSON");
  command.add_option("--out", options.out, "Write results to a file instead of standard output")
      ->type_name("FILE");
  command.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->type_name("LEVEL")
      ->capture_default_str();
  command.add_option("--log-file", options.log_file, "Append the log to a file, too")->type_name("FILE");
}

}  // namespace

void add_run_options(CLI::App& command, plan::RunOptions& options) {
  add_job_options(command, options);
  add_passed_options(command, options);
  add_start_options(command, options);
  add_check_options(command, options);
  add_output_options(command, options);
}

std::unique_ptr<CLI::App> make_app() {
  auto app = std::make_unique<CLI::App>("Runs diffusion transformers over large prompt lists.", "ditmill");
  app->set_version_flag("--version", std::string{"ditmill "} + version);
  app->require_subcommand(1);
  return app;
}

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, bool quiet) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& done) {
    return quiet ? 0 : app.exit(done);
  } catch (const CLI::ParseError& error) {
    if (!quiet) app.exit(error);
    return 1;
  }
}

}  // namespace ditmill::jobs::cli
