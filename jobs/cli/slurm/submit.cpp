#include "jobs/cli/slurm/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <string_view>

#include "configs/shell_word.h"
#include "jobs/cli/engine_path.h"
#include "jobs/cli/options/run_options.h"
#include "jobs/cli/slurm/submit_array.h"
#include "jobs/cli/slurm/submit_freeze.h"
#include "jobs/cli/slurm/submit_wait.h"
#include "jobs/run/epoch.h"
#include "jobs/run/foresee_resume.h"
#include "jobs/run/outcome.h"
#include "jobs/store/durable.h"
#include "jobs/store/free_space.h"
#include "jobs/version.h"
#include "slurm/batch_script.h"
#include "slurm/sbatch.h"
#include "slurm/time_limit.h"

namespace ditmill::jobs {
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
        fix += (fix.empty() ? "" : " or ") + fmt::format("--{} {}", option, value);
        return;
      }
    }
  };
  nearest("nodes", nodes, a_node);
  nearest("ranks-per-node", a_node, nodes);
  return fix;
}

void check_degrees(const PreparedJob& job, int nodes, int a_node) {
  const configs::ParallelConfig& degrees = job.manifest.pipeline.parallel;
  if (degrees.automatic) return;  // chosen on the nodes, by what they have room for
  try {
    lay_out(job, nodes * a_node);
  } catch (const Error& error) {
    const std::string fix = fitting_nodes(nodes, a_node, degrees);
    throw Error{error.category(),
                error.doing(),
                error.where(),
                Expected{error.expected()},
                Got{error.got() + fmt::format(", on {} x {} ranks", nodes, a_node)},
                fix.empty() ? error.hint() : fix + "; or " + error.hint()};
  }
}

/// Folders of the job's that its ranks read.
std::vector<std::string> mounts_of(const PreparedJob& job) {
  std::set<std::string> folders;
  if (!job.manifest.model.path.empty()) folders.insert(job.manifest.model.path);
  if (!job.manifest.model.catalog.empty()) {
    folders.insert(fs::path(job.manifest.model.catalog).parent_path().string());
  }
  return {folders.begin(), folders.end()};
}

slurm::BatchJob batch_job(const SubmitOptions& options, const PreparedJob& job, const RunDirectory& run,
                          int a_node, const std::optional<ArrayOption>& array) {
  return {.name = job.manifest.name,
          .settings = job.manifest.slurm,
          .ranks_per_node = a_node,
          .run_directory = run.path(),
          .manifest = SubmissionFiles{run}.manifest(),
          .log = array ? "/logs/slurm-%A_%a.log" : "/logs/slurm-%j.log",
          .ditmill = fs::read_symlink("/proc/self/exe").string(),
          .engine = engine_path(),
          .mounts = mounts_of(job),
          .version = version,
          .sbatch_options = options.sbatch,
          .options = passed_words(options.run),
          .first_options = words_of(options.run.retry),
          .shards = array ? array->shards : 0,
          .shards_at_once = array ? array->at_once : 0,
          .model = fs::path(job.manifest.model.path).lexically_normal().string(),
          .catalog = job.manifest.model.catalog};
}

void tell_room(const RunDirectory& run, std::uint64_t needed) {
  if (const auto short_of = results_without_room(run.path(), needed)) {
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

void tell_nothing_left(const ItemList& items, const RunDirectory& run, const RunOptions& options) {
  const JournalState journals = read_journals(run);
  const std::vector<bool> chosen = chosen_items(items, options.selection);
  if (!select_pending(items, chosen, pending_items(items, journals, options.retry), false).empty()) return;
  const Counts counts = count_items(items, journals, chosen);
  std::cerr << fmt::format(
      "ditmill: the job will find nothing to do: {} done, {} failed, {} quarantined{}\n", counts.done,
      counts.failed, counts.quarantined,
      counts.failed + counts.quarantined == 0 ? "" : "; --retry failed,quarantined takes those up again");
}

void refuse_stopped(const RunDirectory& run) {
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

void refuse_second(const RunDirectory& run, const slurm::QueuedJob& live, bool is_array) {
  throw Error{Category::usage,
              "submit a run",
              Where{.file = run.path()},
              Expected{"no job of it queued or at work"},
              Got{fmt::format("job {}, {} ({})", live.id, live.state, live.reason)},
              "wait for it, or end it: " + cancel_command(run) +
                  (is_array ? "; --retry submits what does not live" : "")};
}

json submit_single(const SubmitOptions& options, PreparedJob& job, const RunDirectory& run,
                   const slurm::BatchJob& batch, const std::function<void()>& prepare) {
  const auto foreseen =
      foresee_resume(job, std::move(job.manifest.items), job.manifest.shard, run, options.run.drop);
  if (foreseen) {
    for (const std::string& note : foreseen->notes) std::cerr << "ditmill: " << note << "\n";
    tell_nothing_left(foreseen->items, run, options.run);
  }
  prepare();
  const std::string id = slurm::sbatch(SubmissionFiles{run}.script(), options.sbatch);
  return write_record(submission_record(batch, id, options.sbatch), run);
}

/// "failed", "quarantined" or both, with a comma; none for another text.
std::optional<Retry> retry_from_text(const std::string& text) {
  Retry retry;
  for (const std::string& state : CLI::detail::split(text, ',')) {
    if (state != "failed" && state != "quarantined") return std::nullopt;
    (state == "failed" ? retry.failed : retry.quarantined) = true;
  }
  return retry;
}

/// `--retry [STATES]`: what follows it may also be the manifest.
void add_retry_option(CLI::App& command, SubmitOptions& options) {
  command
      .add_option_function<std::string>(
          "--retry",
          [&options](const std::string& text) {
            options.retry = true;
            if (text.empty() || text == "true") return;  // no word at all
            if (const std::optional<Retry> states = retry_from_text(text)) {
              options.run.retry = *states;
            } else if (options.run.manifest.empty()) {
              options.run.manifest = text;
            } else {
              throw CLI::ValidationError("--retry", text + " is neither failed nor quarantined, nor both");
            }
          },
          "Submit again what of an array has ended unfinished; with failed or quarantined, or both, their "
          "items, too")
      ->expected(0, 1)
      ->type_name("[STATES]");
  command.parse_complete_callback([&options] {
    if (options.run.manifest.empty()) throw CLI::RequiredError("a manifest");
  });
}

}  // namespace

void add_submit_options(CLI::App& command, SubmitOptions& options) {
  command.add_option("manifest", options.run.manifest, "The job manifest (YAML)");
  // Before the options that add to it: it assigns.
  command.add_option("--set", options.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command.footer("What follows -- are options for sbatch, verbatim: -- --constraint=a100 --mem=0");
  const auto set = [&]<typename Value>(const char* option, const char* key, const char* what,
                                       const char* type, Value /*of this type*/) {
    command
        .add_option_function<Value>(
            option,
            [&options, key](const Value& value) {
              options.run.sets.push_back(fmt::format("slurm.{}={}", key, json(value).dump()));
            },
            fmt::format("{}, instead of slurm.{}", what, key))
        ->type_name(type);
  };
  set("--nodes", "nodes", "Nodes", "N", int{});
  set("--ranks-per-node", "ranks_per_node", "Ranks on each", "N", int{});
  set("--gpus-per-node", "gpus_per_node", "GPUs on each", "N", int{});
  set("--time", "time", "The time limit", "TIME", std::string{});
  set("--partition", "partition", "The partition", "NAME", std::string{});
  add_passed_options(command, options.run);
  command
      .add_option(
          "--array", options.array,
          "K jobs in place of one, each with every K-th item and a run directory of its own, merged at "
          "the end; K%M: M of them at a time at most")
      ->type_name("K[%M]")
      ->check([](const std::string& text) {
        return array_option_from_text(text) ? "" : "expected K or K%M, as 8 or 8%2, but got " + text;
      });
  add_retry_option(command, options);
  command.add_option("--run-dir", options.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");
  command.add_flag("--print-script", options.print_script, "Print the batch script, and submit nothing");
  command.add_flag("--test-only", options.test_only, "Ask sbatch when it would start, and submit nothing");
  command.add_flag("--wait", options.wait, "Wait for the run's end, and exit with its code");
}

int take_sbatch_options(SubmitOptions& options, int argc, char** argv) {
  if (argc < 2 || std::string_view{argv[1]} != "submit") return argc;
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view{"--"});
  if (dashes != end) options.sbatch.assign(dashes + 1, end);
  return static_cast<int>(dashes - argv);
}

int submit_run(const SubmitOptions& options, std::ostream& out) {
  slurm::check_sbatch_options(options.sbatch);
  std::vector<Problem> problems;
  PreparedJob job = prepare_job(options.run, problems);
  for (const std::string& warning : warning_lines(job.warnings))
    std::cerr << "ditmill: warning: " << warning << "\n";
  if (!problems.empty()) throw Error{std::move(problems)};
  const slurm::Settings& settings = job.manifest.slurm;
  slurm::check_sbatch_options(settings.options, slurm::OptionsOf::manifest);
  tell_short_limit(settings);
  const int a_node = ranks_per_node(settings, job.manifest.pipeline.parallel);
  check_degrees(job, settings.nodes, a_node);
  chosen_items(job.manifest.items, options.run.selection);

  // By the one name that all agree on: a live job is recognised by its script's path.
  const RunDirectory run{fs::weakly_canonical(job.manifest.output.path).string()};
  const auto array = choose_array(options, run, read_submission(run), job.manifest);
  const slurm::BatchJob batch = batch_job(options, job, run, a_node, array);
  const std::string script = slurm::batch_script(batch);
  if (options.print_script || options.test_only) {
    out << (options.print_script ? script : slurm::sbatch_test_only(script, options.sbatch));
    return 0;
  }
  refuse_stopped(run);
  warn_if_it_cannot_start(script, options.sbatch);
  RunDirectory::make_folder(run.submission());
  json record;
  const int epoch_before = newest_epoch(run);
  {
    const durable::File lock = lock_submission(run);
    const std::vector<slurm::QueuedJob> live = live_runs_of(run);
    for (const slurm::QueuedJob& job_now : live) {
      if (!array || !options.retry || !job_now.task()) refuse_second(run, job_now, array.has_value());
    }
    const auto prepare = [&, room = disk_bytes(job)] {
      tell_room(run, room);
      freeze(job, run);
      durable::write_file(SubmissionFiles{run}.script(), script);
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

}  // namespace ditmill::jobs
