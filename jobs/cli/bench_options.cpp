#include "jobs/cli/bench_options.h"

namespace ditmill::jobs {
namespace {

void add_comm(CLI::App& bench, BenchOptions& options) {
  CLI::App* command = bench.add_subcommand(
      "comm", "Time what ranks exchange; under mpirun or srun, on the ranks and machines of the job");
  command->callback([&options] { options.chosen = BenchOptions::Chosen::comm; });
  BenchCommOptions& comm = options.comm;
  command->add_option("--max-bytes", comm.max_bytes, "The largest tensor; default 64MiB")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{8}, std::uint64_t{1} << 32))
      ->type_name("BYTES");
  command->add_option("--repeats", comm.repeats, "How often each is timed; medians are told")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--device", comm.device, "auto, cpu (MPI) or cuda (NCCL; one rank a GPU)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->type_name("DEVICE")
      ->capture_default_str();
  command->add_flag("--json", comm.json, "Results as JSON");
  command->add_option("--out", comm.out, "Write results to a file instead of standard output")
      ->type_name("FILE");
}

}  // namespace

void add_bench_options(CLI::App& app, BenchOptions& options) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  add_comm(*bench, options);
}

}  // namespace ditmill::jobs
