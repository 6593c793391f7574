#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "dist/comm/mpi.h"
#include "dist/liveness/sentinel.h"
#include "jobs/bench/bench_comm.h"
#include "jobs/bench/bench_coordinator.h"
#include "jobs/bench/bench_step.h"
#include "jobs/bench/doctor/doctor.h"
#include "jobs/bench/load/bench_load.h"
#include "jobs/cli/options/bench_options.h"
#include "jobs/cli/options/doctor_options.h"
#include "jobs/cli/options/replay_options.h"
#include "jobs/cli/options/run_options.h"
#include "jobs/engine/replay.h"
#include "jobs/engine/run.h"
#include "jobs/results/files/output.h"
#include "models/large_blocks.h"
#include "slurm/launch.h"

using namespace ditmill;

namespace {

/// The command line is every rank's; only rank 0 speaks of it, and only its exit code counts.
int run_engine(int argc, char** argv) {
  const slurm::Launch launch = slurm::read_launch();
  const std::string mpi_version = dist::MpiSession::library_version();
  slurm::check_pmix(launch, mpi_version);
  if (const std::string note = slurm::pmi_note(launch, mpi_version); !note.empty() && launch.rank == 0) {
    std::cerr << "ditmill: " << note << std::endl;
  }
  if (launch.alone_in_step) slurm::forget_launch();
  dist::MpiSession mpi{argc, argv};
  slurm::check_world(launch, mpi.world().size(), mpi_version);
  const bool leads = mpi.world().rank() == 0;
  jobs::plan::RunOptions options;
  jobs::bench::BenchOptions bench;
  const auto app = jobs::cli::make_app();
  jobs::cli::add_run_options(*app->add_subcommand("run", "Run a job"), options);
  jobs::cli::add_bench_options(*app, bench);
  jobs::bench::DoctorOptions doctor;
  const CLI::App* doctor_command = jobs::cli::add_doctor_options(*app, doctor);
  jobs::engine::ReplayOptions replay;
  CLI::App* replay_command =
      jobs::cli::add_replay_options(*app->add_subcommand("results", "What a run has stored"), replay);
  if (const auto code = jobs::cli::parse_command_line(*app, argc, argv, !leads)) return leads ? *code : 0;
  if (bench.chosen == jobs::bench::BenchOptions::Chosen::comm)
    return jobs::bench::bench_comm(mpi, bench.comm);
  if (bench.chosen == jobs::bench::BenchOptions::Chosen::step)
    return jobs::bench::bench_step(mpi, bench.step);
  if (bench.chosen == jobs::bench::BenchOptions::Chosen::load)
    return jobs::bench::bench_load(mpi, bench.load);
  if (bench.chosen == jobs::bench::BenchOptions::Chosen::coordinator) {
    return jobs::bench::bench_coordinator(mpi, bench.coordinator);
  }
  if (doctor_command->parsed()) return jobs::bench::doctor::examine(mpi, doctor);
  if (replay_command->parsed()) return jobs::engine::replay_item(mpi, replay);
  return jobs::engine::run_job(mpi, options);
}

}  // namespace

int main(int argc, char** argv) {
  // MKL's matrix products otherwise differ in the last bit with the number of threads.
  setenv("MKL_CBWR", "AUTO,STRICT", 0);
  models::give_large_blocks_back();
  models::use_huge_pages();
  dist::Sentinel::take_over_signals();
  // NCCL's communicators otherwise wait for each other where exchanges of two of them overlap on a device.
  setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", 0);
  return jobs::results::run_command([&] { return run_engine(argc, argv); });
}
