#include "jobs/cli/submit.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <set>
#include <thread>

#include "configs/overrides.h"
#include "jobs/cli/engine_path.h"
#include "jobs/epoch.h"
#include "jobs/outcome.h"
#include "jobs/store/durable.h"
#include "jobs/version.h"
#include "slurm/batch_script.h"
#include "slurm/sbatch.h"

namespace ditmill::jobs {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string script_path(const RunDirectory& run) { return run.submission() + "/job.sh"; }
std::string manifest_path(const RunDirectory& run) { return run.submission() + "/job.yaml"; }
std::string record_path(const RunDirectory& run) { return run.submission() + "/job.json"; }

/// The id of the last submission; empty: none, or not ours.
std::string last_id(const RunDirectory& run) {
  if (!fs::exists(record_path(run))) return {};
  const json record = json::parse(durable::read_file(record_path(run)), nullptr, false);
  return record.is_object() && record.contains("job_id") ? record.value("job_id", "") : "";
}

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

slurm::BatchJob batch_job(const PreparedJob& job, const RunDirectory& run, int a_node) {
  return {.name = job.manifest.name,
          .settings = job.manifest.slurm,
          .ranks_per_node = a_node,
          .run_directory = run.path(),
          .manifest = manifest_path(run),
          .log = "/logs/slurm-%j.log",
          .ditmill = fs::read_symlink("/proc/self/exe").string(),
          .engine = engine_path(),
          .mounts = mounts_of(job),
          .version = version,
          .model = fs::path(job.manifest.model.path).lexically_normal().string(),
          .catalog = job.manifest.model.catalog};
}

/// The prompt list that the manifest names; empty: its items are in the manifest.
std::string list_of(const ManifestSource& source) {
  std::vector<Problem> known;  // prepare_job() has reported what is wrong
  configs::YamlNode root = manifest_tree(source, known);
  configs::apply_overrides(root, source.sets, known);
  const configs::YamlNode* requests = root.find("requests");
  const configs::YamlNode* file = requests == nullptr ? nullptr : requests->find("file");
  return file == nullptr ? "" : absolute_path(source.directory, file->text);
}

void make_folder(const std::string& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) throw system_error(failure.value(), "make a folder of the run directory", Where{.file = path});
}

/// Manifest and list as they are now, for the job to read whenever it starts.
void freeze(const PreparedJob& job, const RunDirectory& run) {
  make_folder(run.submission());
  make_folder(run.logs());
  ManifestSource source = job.source;
  if (const std::string list = list_of(source); !list.empty()) {
    const std::string copy = run.submission() + "/prompts" + fs::path(list).extension().string();
    std::error_code failure;
    if (!fs::equivalent(list, copy, failure)) {
      const std::string temp = copy + std::string(durable::temp_suffix);
      fs::copy_file(list, temp, fs::copy_options::overwrite_existing, failure);
      if (failure) throw system_error(failure.value(), "copy the prompt list", Where{.file = temp});
      durable::publish(temp, copy);
    }
    source.sets.push_back("requests.file=" + json(copy).dump());
  }
  durable::write_file(manifest_path(run), frozen_manifest(source, job.manifest));
}

void tell_room(const RunDirectory& run, std::uint64_t needed) {
  fs::path there = run.path();
  while (!fs::exists(there)) there = there.parent_path();
  std::error_code failure;
  const fs::space_info space = fs::space(there, failure);
  if (failure || space.available >= needed) return;
  std::cerr << fmt::format("ditmill: results may take {:.1f} GB, and {:.1f} GB are free in {}\n",
                           1e-9 * needed, 1e-9 * space.available, there.string());
}

/// Until no job of the run directory is left; then how the run ended.
int wait_for_end(const RunDirectory& run, int epoch_before) {
  using namespace std::chrono_literals;
  std::chrono::milliseconds pause = 1s;
  while (live_job_of(run)) {
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 3 / 2, 30s);
  }
  std::optional<Outcome> outcome;
  if (fs::exists(run.outcome())) outcome = outcome_from_text(durable::read_file(run.outcome()));
  if (outcome && outcome->epoch > epoch_before) {
    std::cerr << "ditmill: " << outcome->reason << "\n";
    return outcome->exit;
  }
  throw Error{Category::io,
              "wait for the job",
              Where{.file = run.outcome()},
              Expected{"how the run ended"},
              Got{"nothing"},
              "its log in " + run.logs() + " says why"};
}

}  // namespace

void add_submit_options(CLI::App& command, SubmitOptions& options) {
  command.add_option("manifest", options.run.manifest, "The job manifest (YAML)")->required();
  command.add_option("sbatch", options.sbatch, "After --: options for sbatch, verbatim")
      ->type_name("OPTIONS");
  const auto set = [&](const char* option, const char* key, const char* what, const char* type) {
    command
        .add_option_function<std::string>(
            option,
            [&options, key](const std::string& value) {
              options.run.sets.push_back(std::string{"slurm."} + key + "=" + json(value).dump());
            },
            std::string{what} + std::string{", instead of slurm."} + key)
        ->type_name(type);
  };
  const auto number = [&](const char* option, const char* key, const char* what) {
    command
        .add_option_function<int>(
            option,
            [&options, key](int value) {
              options.run.sets.push_back(fmt::format("slurm.{}={}", key, value));
            },
            std::string{what} + std::string{", instead of slurm."} + key)
        ->type_name("N");
  };
  number("--nodes", "nodes", "Nodes");
  number("--ranks-per-node", "ranks_per_node", "Ranks on each");
  number("--gpus-per-node", "gpus_per_node", "GPUs on each");
  set("--time", "time", "The time limit", "TIME");
  set("--partition", "partition", "The partition", "NAME");
  command.add_option("--set", options.run.sets, "a.b.c=V: sets a manifest field, as for run")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command.add_option("--run-dir", options.run.run_dir, "Run directory, instead of output.path")
      ->type_name("DIR");
  command.add_flag("--print-script", options.print_script, "Print the batch script, and submit nothing");
  command.add_flag("--test-only", options.test_only, "Ask sbatch when it would start, and submit nothing");
  command.add_flag("--wait", options.wait, "Wait for the run's end, and exit with its code");
}

std::optional<slurm::QueuedJob> live_job_of(const RunDirectory& run) {
  return slurm::live_job(script_path(run), last_id(run));
}

int submit_run(const SubmitOptions& options, std::ostream& out) {
  slurm::check_sbatch_options(options.sbatch);
  std::vector<Problem> problems;
  const PreparedJob job = prepare_job(options.run, problems);
  if (!problems.empty()) throw Error{std::move(problems)};
  const slurm::Settings& settings = job.manifest.slurm;
  const int a_node = ranks_per_node(settings, job.manifest.pipeline.parallel);
  check_degrees(job, settings.nodes, a_node);

  // By the one name that all agree on: a live job is recognised by its script's path.
  const RunDirectory run{fs::weakly_canonical(job.manifest.output.path).string()};
  const slurm::BatchJob batch = batch_job(job, run, a_node);
  const std::string script = slurm::batch_script(batch);
  if (options.print_script) {
    out << script;
    return 0;
  }
  if (options.test_only) {
    out << slurm::sbatch_test_only(script, options.sbatch);
    return 0;
  }
  if (const auto live = live_job_of(run)) {
    throw Error{Category::usage,
                "submit a run",
                Where{.file = run.path()},
                Expected{"no job of it queued or at work"},
                Got{fmt::format("job {}, {} ({})", live->id, live->state, live->reason)},
                "wait for it, or end it: ditmill cancel " + run.path()};
  }
  tell_room(run, disk_bytes(job));
  freeze(job, run);
  durable::write_file(script_path(run), script);
  const int epoch_before = newest_epoch(run);
  const std::string id = slurm::sbatch(script_path(run), options.sbatch);
  const json record{{"job_id", id},
                    {"submitted", std::chrono::duration_cast<std::chrono::seconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count()},
                    {"nodes", settings.nodes},
                    {"ranks", settings.nodes * a_node},
                    {"script", script_path(run)},
                    {"log", run.logs() + "/slurm-" + id + ".log"},
                    {"sbatch_options", options.sbatch}};
  durable::write_file(record_path(run), record.dump(2) + "\n");
  out << (options.json ? record.dump(2) : id) << std::endl;
  if (!options.json) std::cerr << "ditmill: its log: " << record.at("log").get<std::string>() << "\n";
  return options.wait ? wait_for_end(run, epoch_before) : 0;
}

}  // namespace ditmill::jobs
