#include "jobs/plan/check_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "configs/size_text.h"
#include "dist/mesh.h"
#include "jobs/plan/bind/weights_dump.h"
#include "jobs/plan/foresee_resume.h"
#include "jobs/plan/job_dump.h"
#include "jobs/plan/load_forecast.h"
#include "jobs/plan/memory/memory_shortage.h"
#include "jobs/plan/memory/parallel_choice.h"
#include "jobs/plan/memory/rank_plans.h"
#include "jobs/plan/memory/turns_choice.h"
#include "jobs/results/files/free_space.h"
#include "jobs/results/files/output.h"
#include "slurm/launch.h"

namespace ditmill::jobs::plan {
namespace {

nlohmann::json problems_report(const std::vector<Problem>& problems) {
  nlohmann::json report = nlohmann::json::array();
  for (const Problem& problem : problems) {
    report.push_back({{"file", problem.file},
                      {"line", problem.line},
                      {"column", problem.column},
                      {"message", problem.message},
                      {"expected", problem.expected},
                      {"got", problem.got},
                      {"nearest", problem.nearest}});
  }
  return report;
}

nlohmann::json rank_report(const MemoryPlan& plan) {
  std::uint64_t activations = 0;
  for (const StageMemory& stage : plan.stages) activations = std::max(activations, stage.activations);
  return {{"weights_bytes", plan.weights()},
          {"activation_bytes", activations},
          {"peak_bytes", plan.peak()},
          {"beside_device_bytes", plan.beside_device}};
}

int world_of(const RunOptions& options, const configs::ParallelConfig& degrees) {
  if (options.ranks > 0) return options.ranks;
  if (options.np > 0) return options.np;
  if (const slurm::Launch launch = slurm::read_launch(); launch.launched()) return launch.world;
  constexpr std::int64_t most = 1 << 30;  // far more than a mesh takes, which says so
  return static_cast<int>(std::min(std::int64_t{degrees.group_size()} * degrees.dp.value_or(1), most));
}

/// This machine, as if it had so many ranks of a world.
Room room_here(int world, int ranks_per_machine) {
  const int here = ranks_per_machine > 0 ? std::min(ranks_per_machine, world) : world;
  Room room = room_of(std::vector<RankMemory>(static_cast<std::size_t>(here), this_rank()));
  room.ranks_per_machine = std::gcd(here, world);
  room.world = world;
  room.machines = (world + here - 1) / here;
  return room;
}

void add(const Error& error, std::vector<Problem>& problems) {
  if (exit_code(error.category()) != 1) throw Error{error};
  if (error.problems().empty()) problems.push_back(to_problem(error));
  std::ranges::copy(error.problems(), std::back_inserter(problems));
}

/// What a start would find in the run directory: warnings of the job's, and what would change there. Adds to
/// `problems` what it would be refused for.
std::vector<std::string> foresee_start(PreparedJob& job, const RunOptions& options,
                                       std::vector<Problem>& problems) {
  const results::RunDirectory run{job.manifest.output.path};
  std::vector<std::string> notes;
  try {
    require_place(run);
    std::optional<run::Reconciled> foreseen =
        foresee_resume(job, std::move(job.manifest.items), job.manifest.shard, run, options.drop);
    if (foreseen) {
      job.manifest.items = std::move(foreseen->items);
      notes = std::move(foreseen->notes);
    }
    run::chosen_items(job.manifest.items, options.selection);
  } catch (const Error& error) {
    add(error, problems);
    return notes;
  }
  if (const std::optional<std::string> file = run.told_to_stop()) {
    job.warnings.push_back({.file = *file, .message = "a run would stop at once: remove this file to go on"});
  }
  if (const auto short_of = results::results_without_room(run.path(), disk_bytes(job))) {
    job.warnings.push_back({.message = *short_of});
  }
  return notes;
}

/// `parallel: auto`: the job gets the degrees that are chosen. Adds to `problems` where nothing fits.
nlohmann::json choose(PreparedJob& job, const Room& room, std::vector<Problem>& problems) {
  const ParallelChoice choice = choose_parallel(job, room);
  if (!choice.fits) problems.push_back(to_problem(no_layout_fits(job, room, choice)));
  job.manifest.pipeline.parallel = choice.degrees;
  nlohmann::json degrees = configs::dump_layer2(job.manifest.pipeline).at("parallel");
  return {{"degrees", std::move(degrees)}, {"reasons", choice.reasons}};
}

/// A line for the ranks that take the same, in the order of their first.
std::string text_of_ranks(const nlohmann::json& ranks) {
  std::vector<std::pair<nlohmann::json, std::vector<int>>> alike;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const auto found =
        std::ranges::find(alike, ranks[rank], &std::pair<nlohmann::json, std::vector<int>>::first);
    auto& group = found == alike.end() ? alike.emplace_back(ranks[rank], std::vector<int>{}) : *found;
    group.second.push_back(static_cast<int>(rank));
  }
  std::string text;
  for (const auto& [takes, who] : alike) {
    text += fmt::format("{:<12} {} of weights, {} of activations, {} in all, at most{}\n",
                        (who.size() == 1 ? "rank " : "ranks ") + rank_list(who),
                        gigabytes(takes.at("weights_bytes")), gigabytes(takes.at("activation_bytes")),
                        gigabytes(takes.at("peak_bytes")), who.size() == 1 ? "" : " each");
  }
  return text;
}

/// The most ranks, the first of a mesh, that a machine has room for: it may be all, and more. If not all,
/// there are other machines, on which ranks share where that is asked for.
std::uint64_t room_for(const RankPlans& plans, const std::vector<RankMemory>& alike, std::uint64_t available,
                       configs::Strategy loading) {
  std::vector<int> all(alike.size());
  std::iota(all.begin(), all.end(), 0);
  const std::uint64_t without = available / plans.peak();
  const std::size_t fitting = as_loaded(plans, alike, loading).fitting(all, available);
  if (fitting < all.size() && loading == configs::Strategy::automatic) return without;
  return std::max<std::uint64_t>(fitting, without);
}

/// What this machine has room for; null where the kernel tells no bound, or the job has no plan.
nlohmann::json machine_report(const RankPlans& plans, int world, configs::Strategy loading) {
  const RankMemory here = this_rank();
  const std::vector<SharedBound> bounds = shared_bounds({&here, 1});
  if (bounds.empty() || plans.peak() == 0) return nullptr;
  const SharedBound& tightest = bounds.front();
  const std::vector<RankMemory> alike(static_cast<std::size_t>(world), here);
  return {{"name", printable(tightest.name)},
          {"available_bytes", tightest.available},
          {"source", printable(tightest.source)},
          {"ranks", room_for(plans, alike, tightest.available, loading)}};
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

std::string text_of(const nlohmann::json& report, const std::vector<std::string>& warnings,
                    const std::string& memory_text) {
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
  const bool refused = !text.empty();
  for (const std::string& warning : warnings) text += "warning: " + warning + "\n";
  if (refused) return text;
  text += fmt::format("items        {}\n", report.at("items").get<std::size_t>());
  if (!report.at("metadata").empty()) {
    text += "metadata     " + metadata_line(report.at("metadata").get<std::vector<std::string>>()) + "\n";
  }
  text += fmt::format("ranks        {}\n", report.at("world").get<int>());
  text += "degrees     ";
  for (const dist::Axis axis : dist::axes) {
    text += fmt::format(" {} {}", dist::name(axis), report.at("degrees").at(dist::name(axis)).get<int>());
  }
  text += "\n";
  if (report.contains("choice")) {
    for (const nlohmann::json& reason : report.at("choice").at("reasons")) {
      text += "auto         " + reason.get<std::string>() + "\n";
    }
  }
  if (report.contains("transformers")) {
    text += "experts      " + report.at("transformers").get<std::string>() + "\n";
  }
  text += text_of_ranks(report.at("ranks"));
  text += load_text(report.at("loading"));
  text += memory_text;
  if (report.contains("machine")) text += text_of_machine(report.at("machine"), report.at("world"));
  text += fmt::format("results      {} at most\n", gigabytes(report.at("disk_bytes")));
  for (const nlohmann::json& note : report.at("notes")) {
    text += fmt::format("resume       {}\n", note.get<std::string>());
  }
  if (report.at("spool_bytes") > 0) {
    text += fmt::format("embeddings   {} at most, on disk while the job runs\n",
                        gigabytes(report.at("spool_bytes")));
  }
  return text;
}

}  // namespace

/// What `run --check --json` prints, and what each rank takes: none where there are problems.
struct CheckReport {
  nlohmann::json json;
  std::optional<RankPlans> memory;
};

/// For a world of so many ranks; its memory is to_json(MemoryPlan) of the rank that takes most. `job` is
/// usable even with problems; its degrees are chosen already.
CheckReport check_report(const PreparedJob& job, int world, int ranks_per_machine,
                         std::vector<Problem> problems) {
  nlohmann::json report{{"items", job.manifest.items.size()},
                        {"world", world},
                        {"degrees", nlohmann::json::object()},
                        {"ranks", nlohmann::json::array()},
                        {"memory", nlohmann::json::object()},
                        {"loading", nlohmann::json::object()},
                        {"disk_bytes", 0},
                        {"spool_bytes", 0},
                        {"warnings", problems_report(job.warnings)}};
  std::optional<RankPlans> memory;
  std::optional<dist::Mesh> mesh;
  try {
    mesh = lay_out(job, world);
    for (const dist::Axis axis : dist::axes) report["degrees"][dist::name(axis)] = mesh->degree(axis);
    report["degrees"]["fsdp"] = job.manifest.pipeline.parallel.fsdp;
  } catch (const Error& error) {
    problems.push_back(to_problem(error));
  }
  if (problems.empty()) {
    memory = plan_ranks(job, *mesh);
    for (int rank = 0; rank < world; ++rank) report["ranks"].push_back(rank_report(memory->of(rank)));
    report["memory"] = to_json(memory->largest());
    report["loading"] = forecast_load(job, *mesh, ranks_per_machine);
    report["disk_bytes"] = disk_bytes(job);
    report["spool_bytes"] = spool_bytes(job);
  }
  report["problems"] = problems_report(problems);
  return {std::move(report), std::move(memory)};
}

/// What a run would write as config.json, as far as it is known without weights and ranks.
void write_dump(const PreparedJob& job, const std::string& path) {
  nlohmann::json config = dump_prepared(job, weights_dump(job), job.manifest.model.digest, {});
  config["device"] = nullptr;
  config["layer3_requests"] = {{"items", job.manifest.items.size()}, {"file", job.manifest.list_file}};
  results::write_results(path, [&](std::ostream& out) {
    out << config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return 0;
  });
}

int check_run(const RunOptions& options, std::ostream& out) {
  std::vector<Problem> problems;
  PreparedJob job;
  try {
    job = prepare_job(options, problems);
  } catch (const Error& error) {
    add(error, problems);
  }
  const std::vector<std::string> notes =
      problems.empty() ? foresee_start(job, options, problems) : std::vector<std::string>{};
  const int world = world_of(options, job.manifest.pipeline.parallel);
  nlohmann::json choice;
  if (job.manifest.pipeline.parallel.automatic && problems.empty()) {
    choice = choose(job, room_here(world, options.ranks_per_machine), problems);
  }
  if (!options.dump.empty() && problems.empty()) write_dump(job, options.dump);
  std::optional<std::string> turns;
  if (problems.empty() && !options.skip_memory_check) {
    try {
      turns = choose_turns(job, room_here(world, options.ranks_per_machine));
    } catch (const Error& error) {
      if (error.category() != Category::usage) throw;  // degrees that no such world has: the report says so
    }
  }
  auto [report, memory] = check_report(job, world, options.ranks_per_machine, problems);
  report["notes"] = notes;
  report["metadata"] = job.manifest.metadata_names;
  if (!choice.is_null()) report["choice"] = std::move(choice);
  if (turns) report["transformers"] = *turns;
  if (memory) {
    auto machine = machine_report(*memory, world, job.manifest.pipeline.loading);
    if (!machine.is_null()) report["machine"] = std::move(machine);
  }
  if (options.json) {
    out << report.dump(2) << "\n";
  } else {
    out << text_of(report, warning_lines(job.warnings), memory ? to_text(memory->largest()) : "");
  }
  return report.at("problems").empty() ? 0 : 1;
}

}  // namespace ditmill::jobs::plan
