#include <CLI/CLI.hpp>
#include <ostream>

#include "jobs/cli/front.h"
#include "jobs/cli/launch/launch.h"
#include "jobs/cli/launch/start_doctor.h"
#include "jobs/cli/options/bench_options.h"
#include "jobs/cli/options/doctor_options.h"
#include "jobs/cli/options/replay_options.h"
#include "jobs/cli/options/run_options.h"
#include "jobs/plan/check_run.h"
#include "jobs/plan/model_fields.h"
#include "jobs/results/files/output.h"
#include "jobs/submit/staging/engine_path.h"

using namespace ditmill;
using namespace ditmill::jobs;

namespace {

int run_front(int argc, char** argv) {
  const auto app = cli::make_app();
  cli::Front front;

  plan::RunOptions run;
  CLI::App* run_command =
      app->add_subcommand("run", "Run a job; under mpirun or srun --mpi=pmix, on all its ranks");
  cli::add_run_options(*run_command, run);
  bench::BenchOptions bench;
  cli::add_bench_tools(cli::add_bench_options(*app, bench), front);
  bench::DoctorOptions doctor;
  const CLI::App* doctor_command = cli::add_doctor_options(*app, doctor);

  cli::add_plan(*app, front);
  argc = cli::add_submit(*app, front, argc, argv);
  cli::add_cancel(*app, front);
  cli::add_stage(*app, front);
  cli::add_weights(*app, front);
  cli::add_registry(*app, front);
  cli::add_status(*app, front);
  cli::add_report(*app, front);
  cli::add_schema(*app, front);
  engine::ReplayOptions replay;
  const CLI::App* replay_command = cli::add_replay_options(cli::add_results(*app, front), replay);

  if (const auto code = cli::parse_command_line(*app, argc, argv)) return *code;
  if (bench.chosen != bench::BenchOptions::Chosen::none) submit::become_engine(argv);
  if (doctor_command->parsed()) cli::start_doctor(doctor, argc, argv);
  if (replay_command->parsed()) submit::become_engine(argv);
  if (run_command->parsed()) {
    if (!run.fields.empty()) {
      return results::write_results(
          run.out, [&](std::ostream& out) { return plan::show_fields(run.fields, run.json, out); });
    }
    if (!run.check && run.np == 0) submit::become_engine(argv);
    if (!run.check) return cli::launch_run(run, {argv, argv + argc});
    return results::write_results(run.out, [&](std::ostream& out) { return plan::check_run(run, out); });
  }
  return front.run();
}

}  // namespace

int main(int argc, char** argv) {
  return results::run_command([&] { return run_front(argc, argv); });
}
