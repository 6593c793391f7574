#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "jobs/cli/bench_options.h"
#include "jobs/cli/check.h"
#include "jobs/cli/engine_path.h"
#include "jobs/cli/launch.h"
#include "jobs/cli/output.h"
#include "jobs/cli/plan.h"
#include "jobs/cli/registry_template.h"
#include "jobs/cli/report.h"
#include "jobs/cli/replay_options.h"
#include "jobs/cli/results_export.h"
#include "jobs/cli/results_index.h"
#include "jobs/cli/results_ls.h"
#include "jobs/cli/results_merge.h"
#include "jobs/cli/results_show.h"
#include "jobs/cli/results_verify.h"
#include "jobs/cli/run_options.h"
#include "jobs/cli/status.h"
#include "jobs/cli/terminal_progress.h"
#include "jobs/cli/weights_identify.h"
#include "slurm/allocation.h"

using namespace ditmill;

namespace {

/// What the chosen subcommand does; it writes its results to the stream.
using Command = std::function<int(std::ostream&)>;

struct FrontOptions {
  bool json = false;
  std::string out;
};

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& what,
                      FrontOptions& options, bool has_json, Command& chosen, Command command) {
  CLI::App* app = parent.add_subcommand(name, what);
  if (has_json) app->add_flag("--json", options.json, "Results as JSON");
  app->add_option("--out", options.out, "Write results to a file instead of standard output")
      ->type_name("FILE");
  app->callback([&chosen, command = std::move(command)] { chosen = command; });
  return app;
}

CLI::App& add_room(CLI::App& app, const std::string& name, const std::string& what) {
  CLI::App* room = app.add_subcommand(name, what);
  room->require_subcommand(1);
  return *room;
}

/// Results go to the stream, notes to standard error.
int say(std::ostream& out, const jobs::ResultsOutput& results) {
  for (const std::string& note : results.notes) std::cerr << "ditmill: " << note << "\n";
  out << results.text;
  return results.code;
}

int run_front(int argc, char** argv) {
  const auto app = jobs::make_app();
  FrontOptions options;
  Command chosen;

  jobs::RunOptions run;
  CLI::App* run_command = app->add_subcommand("run", "Run a job; under mpirun or srun, on all its ranks");
  jobs::add_run_options(*run_command, run);

  jobs::BenchOptions bench;
  jobs::add_bench_options(*app, bench);

  jobs::PlanOptions plan;
  CLI::App* plan_command =
      add_command(*app, "plan", "What the rest of a job takes on so many nodes, from a pilot's measurements",
                  options, true, chosen, [&](std::ostream& out) {
                    plan.json = options.json;
                    return jobs::plan_run(plan, out);
                  });
  plan_command->add_option("manifest", plan.run.manifest, "The job manifest (YAML)")->required();
  plan_command->add_option("--nodes", plan.nodes, "Numbers of nodes to plan for")
      ->required()
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N,N,...");
  plan_command
      ->add_option("--ranks-per-node", plan.ranks_per_node, "Default: slurm.ranks_per_node, else the pilot's")
      ->check(CLI::Range(1, 1 << 16))
      ->type_name("N");
  plan_command
      ->add_option("--pilot", plan.pilot, "The run to learn from, instead of the manifest's run directory")
      ->type_name("RUN");
  plan_command->add_option("--set", plan.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  plan_command->add_option("--run-dir", plan.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");

  jobs::IdentifyOptions identify;
  CLI::App& weights = add_room(*app, "weights", "Look at weight files");
  add_command(weights, "identify", "Say what weight files are, from their headers", options, true, chosen,
              [&](std::ostream& out) {
                identify.json = options.json;
                return jobs::weights_identify(identify, out);
              })
      ->add_option("paths", identify.paths, "Files, indices, component folders or model folders")
      ->required();

  std::string path;
  std::string name;
  CLI::App& registry = add_room(*app, "registry", "The catalog of known weights");
  add_command(registry, "list", "The catalog that is compiled in", options, true, chosen,
              [&](std::ostream& out) { return jobs::registry_list(options.json, out); });
  CLI::App* make_template =
      add_command(registry, "template", "Print the catalog entries that make weights known", options, false,
                  chosen, [&](std::ostream& out) { return jobs::registry_template(path, name, out); });
  make_template->add_option("path", path, "A file, an index, a component's folder or a model folder")
      ->required();
  make_template->add_option("--name", name, "The name of the new variant")->required()->type_name("NAME");

  jobs::StatusOptions status;
  jobs::add_status_options(
      *add_command(*app, "status", "Where a run stands, at work or not", options, true, chosen,
                   [&](std::ostream& out) {
                     status.json = options.json;
                     return jobs::show_status(status, out);
                   }),
      status);

  jobs::ExportOptions exports;
  CLI::App& results = add_room(*app, "results", "What a run has stored");
  add_command(results, "ls", "Every item of a run and what became of it", options, true, chosen,
              [&](std::ostream& out) { return say(out, jobs::results_ls(path, options.json)); })
      ->add_option("run", path, "A run directory")
      ->required();
  CLI::App* show =
      add_command(results, "show", "What the store keeps of one item", options, true, chosen,
                  [&](std::ostream& out) { return say(out, jobs::results_show(path, name, options.json)); });
  show->add_option("run", path, "A run directory")->required();
  show->add_option("id", name, "An item")->required();
  CLI::App* export_command =
      add_command(results, "export", "Write pictures or videos of finished items", options, false, chosen,
                  [&](std::ostream& out) { return say(out, jobs::results_export(exports)); });
  export_command->add_option("run", exports.run_directory, "A run directory")->required();
  export_command->add_option("--png", exports.png_folder, "Every frame, as DIR/<id>/frame_0000.png")
      ->type_name("DIR");
  export_command->add_option("--contact-sheet", exports.contact_sheet, "One picture of many items")
      ->type_name("FILE");
  export_command->add_option("--mp4", exports.mp4_folder, "A video an item, as DIR/<id>.mp4")
      ->type_name("DIR");
  export_command->add_option("--crf", exports.crf, "Encode videos from frames, 0 (best) to 51; default 18")
      ->type_name("N");
  export_command
      ->add_option("--pix-fmt", exports.pix_fmt,
                   "Encode videos from frames, as yuv420p (default), yuv422p or yuv444p")
      ->type_name("NAME");
  export_command->add_option("--items", exports.items, "Only these items")->delimiter(',')->type_name("IDS");
  jobs::ReplayOptions replay;
  CLI::App* replay_command = jobs::add_replay_options(results, replay);

  jobs::ReportOptions report;
  CLI::App* report_command = app->add_subcommand("report", "Write one HTML page about a run");
  report_command->add_option("run", report.run_directory, "A run directory")->required();
  report_command->add_option("--out", report.out, "The page; default: report.html in the run directory")
      ->type_name("FILE");
  report_command->callback(
      [&] { chosen = [&](std::ostream& out) { return say(out, jobs::write_report(report)); }; });

  export_command
      ->add_option("--webdataset", exports.webdataset_folder,
                   "Samples in shards DIR/000000.tar, with DIR/metadata.jsonl")
      ->type_name("DIR");
  export_command->add_option("--shard", exports.shard_bytes, "The most bytes of a shard; default 1GB")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("SIZE");
  export_command
      ->add_option("--frames", exports.sample_frames,
                   "What samples hold: npy or mp4; default: the stored video, else the frames as npy")
      ->transform(CLI::CheckedTransformer(std::map<std::string, jobs::SampleFrames>{
          {"npy", jobs::SampleFrames::npy}, {"mp4", jobs::SampleFrames::mp4}}));

  jobs::MergeOptions merge;
  bool rebuild = false;
  const auto allocation = [] { return slurm::read_allocation(std::getenv); };
  add_command(results, "verify", "Read every byte of a run, and say what is damaged or missing", options,
              true, chosen,
              [&](std::ostream& out) {
                jobs::ResultsOutput found;
                {
                  jobs::TerminalProgress progress;
                  found = jobs::results_verify(
                      path, options.json, allocation(),
                      [&](const jobs::VerifyProgress& at) { progress.show(describe(at)); });
                }
                return say(out, found);
              })
      ->add_option("run", path, "A run directory")
      ->required();
  CLI::App* index_command = add_command(
      results, "index", "The index of a run, results.h5", options, true, chosen,
      [&](std::ostream& out) { return say(out, jobs::results_index(path, options.json, allocation())); });
  index_command->add_option("run", path, "A run directory")->required();
  index_command->add_flag("--rebuild", rebuild, "Write it anew, from journals and config.json")->required();
  CLI::App* merge_command = results.add_subcommand("merge", "Make one run directory of the shards of a job");
  merge_command->callback([&] {
    chosen = [&](std::ostream& out) {
      return say(out, jobs::results_merge(merge, options.json, allocation()));
    };
  });
  merge_command->add_option("runs", merge.runs, "Run directories, in the order of their items")->required();
  merge_command->add_option("--out", merge.out, "The merged run directory, which must not exist")
      ->required()
      ->type_name("DIR");
  merge_command->add_flag("--copy", merge.copy, "Copy parts also where they could be hard-linked");
  merge_command->add_flag("--json", options.json, "Results as JSON");

  if (const auto code = jobs::parse_command_line(*app, argc, argv)) return *code;
  if (bench.chosen != jobs::BenchOptions::Chosen::none) jobs::become_engine(argv);
  if (replay_command->parsed()) jobs::become_engine(argv);
  if (run_command->parsed()) {
    if (!run.check && run.np == 0) jobs::become_engine(argv);
    if (!run.check) return jobs::launch_run(run, {argv, argv + argc});
    return jobs::write_results(run.out, [&](std::ostream& out) { return jobs::check_run(run, out); });
  }
  return jobs::write_results(options.out, chosen);
}

}  // namespace

int main(int argc, char** argv) {
  return jobs::run_command([&] { return run_front(argc, argv); });
}
