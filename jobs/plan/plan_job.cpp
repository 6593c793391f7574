#include "jobs/plan/plan_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/dump.h"
#include "configs/shell_word.h"
#include "configs/size_text.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/plan/memory/parallel_choice.h"
#include "jobs/plan/pilot/forecast.h"
#include "jobs/plan/pilot/measure.h"
#include "jobs/plan/pilot/pilot_file.h"
#include "jobs/plan/pilot/text.h"
#include "jobs/run/frozen/resume.h"
#include "slurm/time_limit.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;

constexpr std::size_t pilot_items = 8;

/// The command that makes the pilot that is missing.
std::string pilot_command(const PlanOptions& options, const PreparedJob& job, int ranks) {
  std::string command = fmt::format("mpirun -n {} ditmill run {}", ranks, shell_word(options.run.manifest));
  for (const std::string& set : options.run.sets) command += " --set " + shell_word(set);
  if (!options.run.run_dir.empty()) command += " --run-dir " + shell_word(options.run.run_dir);
  const std::size_t wanted = std::max(pilot_items, 2 * items_by_size(job.manifest.items).size());
  return command + fmt::format(" --pilot {}", std::min(wanted, job.manifest.items.size()));
}

Pilot require_pilot(const PlanOptions& options, const PreparedJob& job) {
  const results::RunDirectory run{options.pilot.empty() ? job.manifest.output.path : options.pilot};
  if (const auto pilot = read_pilot_file(run)) return *pilot;
  if (!options.pilot.empty()) return measure(run);
  const int a_node = std::max({options.ranks_per_node, job.manifest.slurm.ranks_per_node.value_or(1), 1});
  const int group = job.manifest.pipeline.parallel.group_size();
  throw Error{Category::usage,
              "plan a job",
              Where{.file = run.pilot()},
              Expected{"the measurements of a pilot"},
              Got{"none"},
              "make them: " + pilot_command(options, job, std::max(options.nodes.front() * a_node, group)) +
                  "; or --pilot RUN takes those of any run of this model"};
}

std::string model_of(const PreparedJob& job) {
  return job.family == nullptr ? "noop " + json(*job.manifest.model.noop_seconds).dump()
                               : job.folder.component("transformer").identity.key_hash;
}

/// What was measured of other weights, steps or sizes of text says nothing of this job.
void require_same_work(const Pilot& pilot, const PreparedJob& job) {
  static constexpr std::array fields{"solver", "steps", "dtype", "components"};
  const auto changes_to = [&pilot](const configs::PipelineConfig& now) {
    return differences(pilot.layer2, configs::dump_layer2(now), fields);
  };
  std::vector<std::string> changes = changes_to(job.manifest.pipeline);
  // Whether transformers took turns was chosen by memory when the pilot ran.
  if (const auto turns = by_turns(job); turns && changes_to(*turns).empty()) changes.clear();
  if (pilot.model != model_of(job)) changes.push_back("model: " + pilot.model + ", now " + model_of(job));
  const bool guided = job.manifest.pipeline.guided();
  if (guided != (pilot.layer2.at("guidance_scale").get<double>() > 1)) {
    changes.emplace_back("guidance_scale: one is guided, the other not");
  }
  if (changes.empty()) return;
  std::string all = fmt::format("{}", fmt::join(changes, "; "));
  throw Error{
      Category::usage, "plan a job from a pilot",   {}, Expected{"a pilot of this model and pipeline"},
      Got{all},        "pilot the job as it is now"};
}

/// The items that are left, with what an existing run directory has done.
std::vector<run::PendingItem> items_left(PreparedJob& job) {
  const results::RunDirectory run{job.manifest.output.path};
  if (const std::optional<run::FrozenJob> frozen = run::read_frozen_job(run))
    job.manifest.items.take_keys(frozen->items);
  return run::pending_items(job.manifest.items, results::read_journals(run), {});
}

json dump_of(const configs::ParallelConfig& degrees) {
  configs::PipelineConfig pipeline;
  pipeline.parallel = degrees;
  return configs::dump_layer2(pipeline).at("parallel");
}

bool same_but_dp(configs::ParallelConfig degrees, const configs::ParallelConfig& others) {
  degrees.dp = others.dp;
  return dump_of(degrees) == dump_of(others);
}

class Plan {
 public:
  Plan(const PlanOptions& options)
      : options_(options), job_(prepare()), pilot_(require_pilot(options, job_)) {
    require_same_work(pilot_, job_);
    const std::size_t listed = job_.manifest.items.size();
    left_ = items_left(job_);
    done_ = listed - left_.size();
    limit_ = slurm::limit_seconds(job_.manifest.slurm.time);
    for (const int candidate : {options.ranks_per_node, job_.manifest.slurm.ranks_per_node.value_or(0),
                                pilot_.layout.ranks_per_machine}) {
      if (ranks_per_node_ == 0) ranks_per_node_ = candidate;
    }
    if (ranks_per_node_ == 0) {
      throw Error{Category::usage,
                  "plan a job",
                  {},
                  Expected{"--ranks-per-node R, or slurm.ranks_per_node"},
                  Got{"neither, and the pilot does not tell how many ranks a machine had"}};
    }
  }

  json report() const {
    const Forecaster forecaster{pilot_, job_, job_.manifest.items, left_};
    json rows = json::array();
    for (const int nodes : options_.nodes) rows.push_back(row(nodes, forecaster));
    json sizes = json::array();
    std::size_t estimated = 0;
    for (const SizeForecast& size : forecaster.sizes()) {
      if (size.cost.estimated) estimated += size.items;
      sizes.push_back({{"width", size.width},
                       {"height", size.height},
                       {"frames", size.frames},
                       {"items", size.items},
                       {"seconds", size.cost.seconds},
                       {"bytes", size.cost.bytes},
                       {"estimated", size.cost.estimated}});
    }
    return {{"items", job_.manifest.items.size()},
            {"left", left_.size()},
            {"done_or_given_up", done_},
            {"estimated_items", estimated},
            {"sizes", std::move(sizes)},
            {"disk_bytes", forecaster.with(1).bytes},
            {"disk_bytes_at_most", disk_bytes(job_)},
            {"paid_unit", paid_unit(pilot_.layout)},
            {"time_limit_seconds", limit_ ? json(*limit_) : json()},
            {"notes", notes()},
            {"rows", std::move(rows)}};
  }

 private:
  PreparedJob prepare() const {
    std::vector<Problem> problems;
    PreparedJob job = prepare_job(options_.run, problems);
    if (!problems.empty()) throw Error{std::move(problems)};
    return job;
  }

  json row(int nodes, const Forecaster& forecaster) const {
    const int ranks = nodes * ranks_per_node_;
    const configs::ParallelConfig& piloted = pilot_.layout.degrees;
    configs::ParallelConfig degrees = job_.manifest.pipeline.parallel;
    json row{{"nodes", nodes}, {"ranks", ranks}, {"measured", false}};
    // What the pilot's machines had room for is what machines like them choose again.
    const bool chosen = degrees.automatic;
    if (chosen) degrees = piloted;
    const int groups = ranks / degrees.group_size();
    row["layout"] = describe(degrees) + (chosen ? " (auto, as in the pilot)" : "");
    row["degrees"] = dump_of(degrees);
    row["degrees"]["dp"] = groups;
    row["groups"] = groups;
    std::string refused;
    if (!same_but_dp(degrees, piloted)) {
      refused = "the pilot ran " + describe(piloted) + (piloted.fsdp ? " with fsdp" : "") + ": " +
                pilot_command(options_, job_, std::max(degrees.group_size(), ranks_per_node_)) +
                " measures this one";
    } else if (groups * degrees.group_size() != ranks) {
      refused = fmt::format("a group has {} ranks, which {} are no multiple of", degrees.group_size(), ranks);
    } else if (!chosen && degrees.dp && *degrees.dp != groups) {
      refused = fmt::format("pipeline.parallel.dp is {}, and these ranks are {} groups", *degrees.dp, groups);
    }
    if (!refused.empty()) {
      row["refused"] = refused;
      return row;
    }
    const Forecast forecast = forecaster.with(groups);
    const double seconds = forecast.seconds();
    const double hours = seconds / 3600;
    row["measured"] = true;
    row["wall_seconds"] = seconds;
    row["startup_seconds"] = forecast.startup_seconds;
    row["hours"] = hours * ranks;
    row["items_per_hour"] = seconds > 0 ? static_cast<double>(forecaster.items()) / hours : 0.0;
    row["tail_seconds"] = forecast.schedule.tail_seconds;
    row["idle_share"] = forecast.schedule.idle_share;
    row["disk_bytes"] = forecast.bytes;
    row["fits_time"] = limit_ ? json(seconds <= *limit_) : json();
    return row;
  }

  json notes() const {
    json notes = json::array();
    if (pilot_.startup_seconds == 0) notes.push_back("the start-up was not measured, and is left out");
    if (pilot_.texts == 0 && job_.family != nullptr &&
        job_.manifest.pipeline.components.at("text_encoder").offload.any()) {
      notes.push_back(
          "the start-up is that of the pilot's texts; offload: stages encodes all of the list's first");
    }
    const int piloted = pilot_.layout.ranks_per_machine;
    if (piloted > 0 && piloted != ranks_per_node_ && pilot_.layout.device != "cuda") {
      notes.push_back(
          fmt::format("the pilot had {} ranks a machine, not {}: on CPUs ranks share cores and memory, so "
                      "only machines in proportion take as long an item",
                      piloted, ranks_per_node_));
    }
    return notes;
  }

  const PlanOptions& options_;
  PreparedJob job_;
  Pilot pilot_;
  std::vector<run::PendingItem> left_;
  std::size_t done_ = 0;
  int ranks_per_node_ = 0;
  std::optional<double> limit_;
};

std::string fits_text(const json& fits) {
  if (fits.is_null()) return "-";
  return fits.get<bool>() ? "yes" : "no";
}

std::string to_text(const json& report) {
  std::string text = fmt::format("{} of {} items are left", report.at("left").get<std::size_t>(),
                                 report.at("items").get<std::size_t>());
  const auto estimated = report.at("estimated_items").get<std::size_t>();
  if (estimated > 0)
    text += fmt::format("; {} of them of sizes that were not piloted, estimated (*)", estimated);
  text += "\n";
  for (const json& size : report.at("sizes")) {
    text += fmt::format("  {:<16} {:>9} items, {} and {} each{}\n",
                        size_name(size.at("width"), size.at("height"), size.at("frames")),
                        size.at("items").get<std::size_t>(), wall_text(size.at("seconds")),
                        size_text(size.at("bytes")), size.at("estimated").get<bool>() ? " *" : "");
  }
  text += fmt::format("storage: {}\n\n", size_text(report.at("disk_bytes")));
  const std::string hours = report.at("paid_unit").get<std::string>() + "-hours";
  constexpr const char* columns = "{:>5} {:>6} {:>6}  {:>8} {:>10} {:>9} {:>6} {:>9}  {}\n";
  text += fmt::format(columns, "nodes", "ranks", "groups", "wall", hours, "items/h", "idle", "fits time",
                      "layout");
  for (const json& row : report.at("rows")) {
    const bool measured = row.at("measured").get<bool>();
    const auto number = [&](const char* field) { return measured ? row.at(field).get<double>() : 0; };
    const std::string layout = row.at("layout").get<std::string>();
    text +=
        fmt::format(columns, row.at("nodes").get<int>(), row.at("ranks").get<int>(),
                    row.at("groups").get<int>(), measured ? wall_text(number("wall_seconds")) : "-",
                    measured ? fmt::format("{:.3g}", number("hours")) : "-",
                    measured ? fmt::format("{:.0f}", number("items_per_hour")) : "-",
                    measured ? fmt::format("{:.1f} %", 100 * number("idle_share")) : "-",
                    measured ? fits_text(row.at("fits_time")) : "-",
                    measured ? layout : layout + ", not measured: " + row.at("refused").get<std::string>());
  }
  for (const json& note : report.at("notes")) text += "note: " + note.get<std::string>() + "\n";
  return text;
}

}  // namespace

int plan_run(const PlanOptions& options, std::ostream& out) {
  const json report = Plan{options}.report();
  out << (options.json ? report.dump(2) + "\n" : to_text(report));
  const bool any =
      std::ranges::any_of(report.at("rows"), [](const json& row) { return row.at("measured").get<bool>(); });
  return any ? 0 : 1;
}

}  // namespace ditmill::jobs::plan
