#include "jobs/cli/check.h"

#include <fmt/format.h>

#include <cstdlib>

#include "dist/mesh.h"

namespace ditmill::jobs {
namespace {

/// The launcher's world, without MPI: Open MPI's and Slurm's own variables.
int launcher_world() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* text = std::getenv(variable);
    if (text != nullptr && std::atoi(text) > 0) return std::atoi(text);
  }
  return 0;
}

int world_of(const RunOptions& options, const configs::ParallelConfig& degrees) {
  if (options.ranks > 0) return options.ranks;
  if (const int world = launcher_world(); world > 0) return world;
  return degrees.group_size() * degrees.dp.value_or(1);
}

std::string text_of(const nlohmann::json& report) {
  std::string text;
  for (const nlohmann::json& problem : report.at("problems")) {
    text += describe(Problem{.file = problem.at("file"),
                             .line = problem.at("line"),
                             .column = problem.at("column"),
                             .message = problem.at("message"),
                             .expected = problem.at("expected"),
                             .got = problem.at("got"),
                             .nearest = problem.at("nearest")}) +
            "\n";
  }
  if (!text.empty()) return text;
  constexpr double gigabyte = 1e9;
  const nlohmann::json& rank = report.at("ranks").at(0);
  text += fmt::format("items        {}\n", report.at("items").get<std::size_t>());
  text += fmt::format("ranks        {}\n", report.at("world").get<int>());
  text += "degrees     ";
  for (const dist::Axis axis : dist::axes) {
    text += fmt::format(" {} {}", dist::name(axis), report.at("degrees").at(dist::name(axis)).get<int>());
  }
  text += fmt::format("\na rank       {:.3f} GB of weights, {:.3f} GB of activations at most\n",
                      rank.at("weights_bytes").get<double>() / gigabyte,
                      rank.at("activation_bytes").get<double>() / gigabyte);
  text += fmt::format("results      {:.3f} GB at most\n", report.at("disk_bytes").get<double>() / gigabyte);
  return text;
}

}  // namespace

int check_run(const RunOptions& options, std::ostream& out) {
  std::vector<Problem> problems;
  PreparedJob job;
  try {
    job = prepare_job(options, problems);
  } catch (const Error& error) {
    if (exit_code(error.category()) != 1) throw;
    problems.push_back(to_problem(error));
  }
  const nlohmann::json report =
      check_report(job, world_of(options, job.manifest.pipeline.parallel), problems);
  if (options.json) {
    out << report.dump(2) << "\n";
  } else {
    out << text_of(report);
  }
  return report.at("problems").empty() ? 0 : 1;
}

}  // namespace ditmill::jobs
