#include "jobs/submit/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "configs/list_text.h"
#include "configs/shell_word.h"
#include "configs/version.h"
#include "jobs/plan/foresee_resume.h"
#include "jobs/plan/run_options.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/free_space.h"
#include "jobs/run/epoch.h"
#include "jobs/run/outcome.h"
#include "jobs/submit/staging/engine_path.h"
#include "jobs/submit/submit_array.h"
#include "jobs/submit/submit_freeze.h"
#include "jobs/submit/submit_wait.h"
#include "registry/identity/folder_names.h"
#include "slurm/batch_script.h"
#include "slurm/sbatch.h"
#include "slurm/time_limit.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Ranks a node: as asked for, else one a GPU, else what one group needs.
int ranks_per_node(const slurm::Settings& settings, const configs::ParallelConfig& degrees) {
  if (settings.ranks_per_node) return *settings.ranks_per_node;
  if (settings.gpus_per_node > 0) return settings.gpus_per_node;
  const int needed = degrees.group_size() * degrees.dp.value_or(1);
  return (needed + settings.nodes - 1) / settings.nodes;
}

/// How to ask for nodes that the degrees fit: the nearest numbers of each.
std::string fitting_nodes(int nodes, int a_node, const configs::ParallelConfig& degrees) {
  const std::int64_t product = std::int64_t{degrees.group_size()} * degrees.dp.value_or(1);
  const auto fits = [&](std::int64_t ranks) { return degrees.dp ? ranks == product : ranks % product == 0; };
  std::string fix;
  const auto nearest = [&](const char* option, int now, int beside) {
    for (int step = 1; step <= 64; ++step) {
      for (const int value : {now + step, now - step}) {
        if (value < 1 || !fits(std::int64_t{value} * beside)) continue;
        extend_list(fix, fmt::format("--{} {}", option, value), " or ");
        return;
      }
    }
  };
  nearest("nodes", nodes, a_node);
  nearest("ranks-per-node", a_node, nodes);
  return fix;
}

void check_degrees(const plan::PreparedJob& job, int nodes, int a_node) {
  const configs::ParallelConfig& degrees = job.manifest.pipeline.parallel;
  if (degrees.automatic) return;  // chosen on the nodes, by what they have room for
  try {
    plan::lay_out(job, nodes * a_node);
  } catch (const Error& error) {
    const std::string fix = fitting_nodes(nodes, a_node, degrees);
    throw Error{error.with({.got = error.got() + fmt::format(", on {} x {} ranks", nodes, a_node),
                            .hint = fix.empty() ? error.hint() : fix + "; or " + error.hint()})};
  }
}

/// Folders of the job's that its ranks read.
std::vector<std::string> mounts_of(const plan::PreparedJob& job) {
  std::set<std::string> folders;
  const configs::ModelDefinition& model = job.manifest.model;
  if (!model.path.empty()) folders.insert(model.path);
  for (const auto& [name, source] : model.components)
    folders.insert(registry::is_folder(source.path) ? source.path
                                                    : fs::path(source.path).parent_path().string());
  if (!model.catalog.empty()) folders.insert(fs::path(model.catalog).parent_path().string());
  return {folders.begin(), folders.end()};
}

slurm::BatchJob batch_job(const SubmitOptions& options, const plan::PreparedJob& job,
                          const results::RunDirectory& run, int a_node,
                          const std::optional<ArrayOption>& array) {
  return {.name = job.manifest.name,
          .settings = job.manifest.slurm,
          .ranks_per_node = a_node,
          .run_directory = run.path(),
          .manifest = run::SubmissionFiles{run}.manifest(),
          .log = array ? "/logs/slurm-%A_%a.log" : "/logs/slurm-%j.log",
          .ditmill = fs::read_symlink("/proc/self/exe").string(),
          .engine = engine_path(),
          .mounts = mounts_of(job),
          .version = version,
          .sbatch_options = options.sbatch,
          .options = plan::passed_words(options.run),
          .first_options = plan::words_of(options.run.retry),
          .shards = array ? array->shards : 0,
          .shards_at_once = array ? array->at_once : 0,
          .has_weights = !job.manifest.model.noop_seconds};
}

void tell_room(const results::RunDirectory& run, std::uint64_t needed) {
  if (const auto short_of = results::results_without_room(run.path(), needed)) {
    std::cerr << "ditmill: " << *short_of << "\n";
  }
}

/// Slurm may warn of the time limit a minute before it was asked to.
void tell_short_limit(const slurm::Settings& settings) {
  constexpr int slack = 60;
  const std::optional<double> limit = slurm::limit_seconds(settings.time);
  const int lead = settings.lead_seconds;
  if (!limit || *limit > lead + slack) return;
  const int fitting = static_cast<int>(*limit) - slack;  // and less, of which something is left for the run
  std::cerr << fmt::format(
      "ditmill: the time limit, {:.0f} s, leaves the run no time: it is warned {} to {} s before "
      "(slurm.lead_seconds), hence at once, and each restart ends so; ask for a longer --time{}\n",
      *limit, lead, lead + slack,
      fitting > slurm::least_lead_seconds
          ? fmt::format(", or set slurm.lead_seconds to less than {}", fitting)
          : "");
}

void tell_nothing_left(const requests::ItemList& items, const results::RunDirectory& run,
                       const plan::RunOptions& options) {
  const results::JournalState journals = results::read_journals(run);
  const std::vector<bool> chosen = run::chosen_items(items, options.selection);
  if (!run::select_pending(items, chosen, run::pending_items(items, journals, options.retry), false).empty())
    return;
  const run::Counts counts = run::count_items(items, journals, chosen);
  std::cerr << fmt::format(
      "ditmill: the job will find nothing to do: {} done, {} failed, {} quarantined{}\n", counts.done,
      counts.failed, counts.quarantined,
      counts.failed + counts.quarantined == 0 ? "" : "; --retry failed,quarantined takes those up again");
}

void refuse_stopped(const results::RunDirectory& run) {
  const std::optional<std::string> file = run.told_to_stop();
  if (!file) return;
  throw Error{Category::usage,
              "submit a run",
              Where{.file = run.path()},
              Expected{"one that is not told to stop"},
              Got{*file},
              "remove it to go on: rm " + shell_word(*file)};
}

/// Slurm queues what can never start, too; and what cannot start now may tomorrow.
void warn_if_it_cannot_start(const std::string& script, const std::vector<std::string>& options) {
  try {
    slurm::sbatch_test_only(script, options);
  } catch (const Error& error) {
    std::cerr << "ditmill: as things are, Slurm could not start this job: " << error.got() << "\n";
  }
}

void refuse_second(const results::RunDirectory& run, const slurm::QueuedJob& live, bool is_array) {
  throw Error{Category::usage,
              "submit a run",
              Where{.file = run.path()},
              Expected{"no job of it queued or at work"},
              Got{fmt::format("job {}, {} ({})", live.id, live.state, live.reason)},
              "wait for it, or end it: " + run::cancel_command(run) +
                  (is_array ? "; --retry submits what does not live" : "")};
}

json submit_single(const SubmitOptions& options, plan::PreparedJob& job, const results::RunDirectory& run,
                   const slurm::BatchJob& batch, const std::function<void()>& prepare) {
  const auto foreseen =
      plan::foresee_resume(job, std::move(job.manifest.items), job.manifest.shard, run, options.run.drop);
  if (foreseen) {
    for (const std::string& note : foreseen->notes) std::cerr << "ditmill: " << note << "\n";
    tell_nothing_left(foreseen->items, run, options.run);
  }
  prepare();
  const std::string id = slurm::sbatch(run::SubmissionFiles{run}.script(), options.sbatch);
  return run::write_record(run::submission_record(batch, id, options.sbatch), run);
}

}  // namespace

int submit_run(const SubmitOptions& options, std::ostream& out) {
  slurm::check_sbatch_options(options.sbatch);
  std::vector<Problem> problems;
  plan::PreparedJob job = plan::prepare_job(options.run, problems);
  for (const std::string& warning : plan::warning_lines(job.warnings))
    std::cerr << "ditmill: warning: " << warning << "\n";
  if (!problems.empty()) throw Error{std::move(problems)};
  const slurm::Settings& settings = job.manifest.slurm;
  slurm::check_sbatch_options(settings.options, slurm::OptionsOf::manifest);
  tell_short_limit(settings);
  const int a_node = ranks_per_node(settings, job.manifest.pipeline.parallel);
  check_degrees(job, settings.nodes, a_node);
  run::chosen_items(job.manifest.items, options.run.selection);

  // By the one name that all agree on: a live job is recognised by its script's path.
  const results::RunDirectory run{fs::weakly_canonical(job.manifest.output.path).string()};
  const auto array = choose_array(options, run, run::read_submission(run), job.manifest);
  const slurm::BatchJob batch = batch_job(options, job, run, a_node, array);
  const std::string script = slurm::batch_script(batch);
  if (options.print_script || options.test_only) {
    out << (options.print_script ? script : slurm::sbatch_test_only(script, options.sbatch));
    return 0;
  }
  refuse_stopped(run);
  warn_if_it_cannot_start(script, options.sbatch);
  results::RunDirectory::make_folder(run.submission());
  json record;
  const int epoch_before = results::newest_epoch(run);
  {
    const results::durable::File lock = run::lock_submission(run);
    const std::vector<slurm::QueuedJob> live = run::live_runs_of(run);
    for (const slurm::QueuedJob& job_now : live) {
      if (!array || !options.retry || !job_now.task()) refuse_second(run, job_now, array.has_value());
    }
    const auto prepare = [&, room = plan::disk_bytes(job)] {
      tell_room(run, room);
      freeze(job, run);
      results::durable::write_file(run::SubmissionFiles{run}.script(), script);
    };
    record = array ? submit_array(options, job, run, batch, live, prepare)
                   : submit_single(options, job, run, batch, prepare);
  }
  const auto id = record.at("job_id").get<std::string>();
  out << (options.json ? record.dump(2) : id) << std::endl;
  if (!options.json) std::cerr << "ditmill: its log: " << record.at("log").get<std::string>() << "\n";
  if (!options.wait) return 0;
  wait_for_jobs(run);
  return array ? array_exit(run, array->shards) : run_exit(run, epoch_before);
}

}  // namespace ditmill::jobs::submit
