#include <iostream>
#include <string>

#include "jobs/cli/check.h"
#include "jobs/cli/engine_path.h"
#include "jobs/cli/front.h"
#include "jobs/cli/launch.h"
#include "jobs/cli/options/bench_options.h"
#include "jobs/cli/options/doctor_options.h"
#include "jobs/cli/options/replay_options.h"
#include "jobs/cli/options/run_options.h"
#include "jobs/cli/output.h"
#include "jobs/cli/plan.h"
#include "jobs/cli/registry_template.h"
#include "jobs/cli/report.h"
#include "jobs/cli/slurm/cancel.h"
#include "jobs/cli/slurm/stage.h"
#include "jobs/cli/slurm/submit.h"
#include "jobs/cli/status.h"
#include "jobs/cli/weights_identify.h"

using namespace ditmill;

namespace {

int run_front(int argc, char** argv) {
  const auto app = jobs::make_app();
  jobs::Front front;

  jobs::RunOptions run;
  CLI::App* run_command =
      app->add_subcommand("run", "Run a job; under mpirun or srun --mpi=pmix, on all its ranks");
  jobs::add_run_options(*run_command, run);

  jobs::BenchOptions bench;
  jobs::add_bench_options(*app, bench);

  jobs::DoctorOptions doctor;
  const CLI::App* doctor_command = jobs::add_doctor_options(*app, doctor);

  jobs::PlanOptions plan;
  CLI::App& plan_command =
      front.add(*app, "plan", "What the rest of a job takes on so many nodes, from a pilot's measurements",
                true, [&](std::ostream& out) {
                  plan.json = front.json;
                  return jobs::plan_run(plan, out);
                });
  plan_command.add_option("manifest", plan.run.manifest, "The job manifest (YAML)")->required();
  plan_command.add_option("--nodes", plan.nodes, "Numbers of nodes to plan for")
      ->required()
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N,N,...");
  plan_command
      .add_option("--ranks-per-node", plan.ranks_per_node, "Default: slurm.ranks_per_node, else the pilot's")
      ->check(CLI::Range(1, 1 << 16))
      ->type_name("N");
  plan_command
      .add_option("--pilot", plan.pilot, "The run to learn from, instead of the manifest's run directory")
      ->type_name("RUN");
  plan_command.add_option("--set", plan.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  plan_command.add_option("--run-dir", plan.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");

  jobs::SubmitOptions submit;
  jobs::add_submit_options(front.add(*app, "submit", "Give a job to Slurm, checked and frozen", true,
                                     [&](std::ostream& out) {
                                       submit.json = front.json;
                                       return jobs::submit_run(submit, out);
                                     }),
                           submit);
  argc = jobs::take_sbatch_options(submit, argc, argv);
  std::string cancelled;
  bool cancel_now = false;
  CLI::App& cancel_command =
      front.add(*app, "cancel", "End the Slurm job of a run, in order", true,
                [&](std::ostream& out) { return jobs::cancel_run(cancelled, cancel_now, front.json, out); });
  cancel_command.add_option("run", cancelled, "A run directory")->required();
  cancel_command.add_flag("--now", cancel_now, "At once: what is in hand is lost, as by scancel");

  jobs::StageOptions stage;
  jobs::add_stage_options(
      front.add(*app, "stage", "Copy a job's program and weights to this machine's own disk", true,
                [&](std::ostream& out) {
                  stage.json = front.json;
                  return jobs::stage(stage, out);
                }),
      stage);

  jobs::IdentifyOptions identify;
  CLI::App& weights = jobs::Front::add_room(*app, "weights", "Look at weight files");
  front
      .add(weights, "identify", "Say what weight files are, from their headers", true,
           [&](std::ostream& out) {
             identify.json = front.json;
             return jobs::weights_identify(identify, out);
           })
      .add_option("paths", identify.paths, "Files, indices, component folders or model folders")
      ->required();

  std::string path;
  std::string name;
  CLI::App& registry = jobs::Front::add_room(*app, "registry", "The catalog of known weights");
  front.add(registry, "list", "The catalog that is compiled in", true,
            [&](std::ostream& out) { return jobs::registry_list(front.json, out); });
  CLI::App& make_template =
      front.add(registry, "template", "Print the catalog entries that make weights known", false,
                [&](std::ostream& out) { return jobs::registry_template(path, name, out, std::cerr); });
  make_template.add_option("path", path, "A file, an index, a component's folder or a model folder")
      ->required();
  make_template.add_option("--name", name, "The name of the new variant")->required()->type_name("NAME");

  jobs::StatusOptions status;
  jobs::add_status_options(front.add(*app, "status", "Where a run stands, at work or not", true,
                                     [&](std::ostream& out) {
                                       status.json = front.json;
                                       return jobs::show_status(status, out);
                                     }),
                           status);

  jobs::ReportOptions report;
  CLI::App& report_command =
      front.add(*app, "report", "Write one HTML page about a run", false,
                [&](std::ostream& out) { return say(out, jobs::write_report(report)); });
  report_command.add_option("run", report.run_directory, "A run directory")->required();
  report_command.remove_option(report_command.get_option("--out"));  // here it names the page
  report_command.add_option("--out", report.out, "The page; default: report.html in the run directory")
      ->type_name("FILE");

  jobs::ReplayOptions replay;
  const CLI::App* replay_command = jobs::add_replay_options(jobs::add_results(*app, front), replay);

  if (const auto code = jobs::parse_command_line(*app, argc, argv)) return *code;
  if (bench.chosen != jobs::BenchOptions::Chosen::none) jobs::become_engine(argv);
  if (doctor_command->parsed()) jobs::start_doctor(doctor, argc, argv);
  if (replay_command->parsed()) jobs::become_engine(argv);
  if (run_command->parsed()) {
    if (!run.check && run.np == 0) jobs::become_engine(argv);
    if (!run.check) return jobs::launch_run(run, {argv, argv + argc});
    return jobs::write_results(run.out, [&](std::ostream& out) { return jobs::check_run(run, out); });
  }
  return front.run();
}

}  // namespace

int main(int argc, char** argv) {
  return jobs::run_command([&] { return run_front(argc, argv); });
}
