#include <CLI/CLI.hpp>
#include <memory>

#include "jobs/bench/curves/bench_report.h"
#include "jobs/bench/sweep/bench_sweep.h"
#include "jobs/cli/front.h"
#include "jobs/cli/options/bench_options.h"

namespace ditmill::jobs::cli {
namespace {

void add_sweep(CLI::App& bench, Front& front) {
  const auto options = std::make_shared<bench::BenchSweepOptions>();
  bench::BenchSweepOptions& sweep = *options;
  CLI::App& command = front.add(
      bench, "sweep",
      "`bench load` on several numbers of machines: nodes of the allocation, else jobs of Slurm's, else "
      "network namespaces of this host",
      true, [&front, options](std::ostream& out) {
        options->json = front.json;
        return bench::bench_sweep(*options, out);
      });
  sweep.load.repeats = 3;
  sweep.load.cold = true;
  add_load_options(command, sweep.load);
  command.add_flag("--cold,!--hot", sweep.load.cold,
                   "Drop the files from each machine's page cache before each load (default), or leave them");
  command.add_option("--nodes", sweep.nodes, "Numbers of machines")
      ->required()
      ->delimiter(',')
      ->check(CLI::Range(1, 200))
      ->type_name("N,N,...");
  command.add_option("--ranks-per-node", sweep.ranks_per_node, "Ranks on each")
      ->check(CLI::Range(1, 1 << 12))
      ->type_name("K")
      ->capture_default_str();
  command
      .add_option(
          "--link", sweep.link,
          "Machines are namespaces of this host (root only) whose links pass so much either way, as that "
          "of the file server: 1gbit, 500mbit")
      ->type_name("RATE");
  command
      .add_option("--sbatch", sweep.sbatch,
                  "An option for sbatch, where jobs are submitted: --sbatch=--time=30")
      ->allow_extra_args(false)
      ->type_name("OPTION");
  command.remove_option(command.get_option("--out"));  // here it is JSON whatever is printed
  command.add_option("--out", sweep.out, "Write results as JSON to a file, too, for `bench report`")
      ->type_name("FILE");
}

void add_bench_report(CLI::App& bench, Front& front) {
  const auto options = std::make_shared<bench::BenchReportOptions>();
  CLI::App& command =
      front.add(bench, "report", "Curves over numbers of machines (SVG) and a table (Markdown)", false,
                [options](std::ostream& out) { return bench::bench_report(*options, out); });
  command.add_option("files", options->files, "JSON of `bench load` and `bench sweep`")
      ->required()
      ->type_name("FILE...");
  command.remove_option(command.get_option("--out"));  // here it names a folder
  command.add_option("--out", options->out, "The folder to write to; it is made")
      ->required()
      ->type_name("DIR");
}

}  // namespace

void add_bench_tools(CLI::App& bench, Front& front) {
  add_sweep(bench, front);
  add_bench_report(bench, front);
}

}  // namespace ditmill::jobs::cli
