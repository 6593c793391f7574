#include "jobs/cli/check.h"

#include <fmt/format.h>

#include <cstdlib>

#include "dist/mesh.h"
#include "jobs/memory/memory_plan.h"
#include "jobs/memory/memory_shortage.h"

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

/// What this machine has room for; null where the kernel tells no bound, or the job has no plan.
nlohmann::json machine_report(std::uint64_t peak) {
  const RankMemory here = this_rank();
  const std::vector<SharedBound> bounds = shared_bounds({&here, 1});
  if (bounds.empty() || peak == 0) return nullptr;
  const SharedBound& tightest = bounds.front();
  return {{"name", printable(tightest.name)},
          {"available_bytes", tightest.available},
          {"source", printable(tightest.source)},
          {"ranks", tightest.room_for(peak)}};
}

std::string text_of_machine(const nlohmann::json& machine, int world) {
  const auto room = machine.at("ranks").get<std::uint64_t>();
  std::string text =
      fmt::format("this machine {} left by {}: room for {} ranks\n", gigabytes(machine.at("available_bytes")),
                  machine.at("source").get<std::string>(), room);
  if (room < static_cast<std::uint64_t>(world)) {
    text += room == 0 ? "warning      a machine like this one cannot hold a single rank\n"
                      : fmt::format("warning      {} ranks take {} machines like this one\n", world,
                                    (static_cast<std::uint64_t>(world) + room - 1) / room);
  }
  return text;
}

std::string text_of(const nlohmann::json& report, const std::string& memory_text) {
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
  const nlohmann::json& rank = report.at("ranks").at(0);
  text += fmt::format("items        {}\n", report.at("items").get<std::size_t>());
  text += fmt::format("ranks        {}\n", report.at("world").get<int>());
  text += "degrees     ";
  for (const dist::Axis axis : dist::axes) {
    text += fmt::format(" {} {}", dist::name(axis), report.at("degrees").at(dist::name(axis)).get<int>());
  }
  text += fmt::format("\na rank       {} of weights, {} of activations at most\n",
                      gigabytes(rank.at("weights_bytes")), gigabytes(rank.at("activation_bytes")));
  text += memory_text;
  if (report.contains("machine")) text += text_of_machine(report.at("machine"), report.at("world"));
  text += fmt::format("results      {} at most\n", gigabytes(report.at("disk_bytes")));
  if (report.at("spool_bytes") > 0) {
    text += fmt::format("embeddings   {} at most, on disk while the job runs\n",
                        gigabytes(report.at("spool_bytes")));
  }
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
  nlohmann::json report = check_report(job, world_of(options, job.manifest.pipeline.parallel), problems);
  MemoryPlan memory;
  if (report.at("problems").empty()) memory = plan_memory(job);
  if (auto machine = machine_report(memory.peak()); !machine.is_null())
    report["machine"] = std::move(machine);
  if (options.json) {
    out << report.dump(2) << "\n";
  } else {
    out << text_of(report, to_text(memory));
  }
  return report.at("problems").empty() ? 0 : 1;
}

}  // namespace ditmill::jobs
