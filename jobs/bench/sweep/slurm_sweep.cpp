#include "jobs/bench/sweep/slurm_sweep.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "configs/error.h"
#include "configs/shell_word.h"
#include "jobs/bench/sweep/sweep_load.h"
#include "jobs/results/files/durable.h"
#include "slurm/command.h"
#include "slurm/sbatch.h"
#include "slurm/squeue.h"

namespace ditmill::jobs::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t shown_of_log = 2000;

struct SweepJob {
  std::string id;
  int nodes = 1;
  std::string log;
  std::string result;
};

std::string sweep_script(const BenchSweepOptions& options, const SweepJob& job) {
  std::vector<std::string> words = load_words(options.load, job.result);
  words[0] = std::filesystem::read_symlink("/proc/self/exe").string();
  words[2] = "sweep";
  words.insert(words.end(), {"--nodes", std::to_string(job.nodes), "--ranks-per-node",
                             std::to_string(options.ranks_per_node)});
  if (!options.load.cold) words.emplace_back("--hot");
  std::erase(words, "--json");
  std::string line;
  for (const std::string& word : words) line += " " + shell_word(word);
  return fmt::format(
      "#!/bin/bash\n#SBATCH --job-name=ditmill-sweep-{0}\n#SBATCH --nodes={0}\n#SBATCH "
      "--ntasks-per-node={1}\n"
      "#SBATCH --output={2}\nexec{3}\n",
      job.nodes, options.ranks_per_node, shell_word(job.log), line);
}

SweepJob submit_sweep(const BenchSweepOptions& options, int nodes, const std::string& folder,
                      const std::string& after) {
  const std::string stem = folder + "/" + std::to_string(nodes);
  SweepJob job{.id = {}, .nodes = nodes, .log = stem + ".log", .result = stem + ".json"};
  results::durable::write_file(stem + ".sh", sweep_script(options, job));
  std::vector<std::string> words = options.sbatch;
  // One after the other: they would share the file server.
  if (!after.empty()) words.push_back("--dependency=afterany:" + after);
  job.id = slurm::sbatch(stem + ".sh", words);
  std::cerr << fmt::format("ditmill: {} machines: job {}\n", nodes, job.id);
  return job;
}

/// What another machine has written may be seen here some seconds later.
bool appears(const std::string& path) {
  for (int i = 0; i < 100; ++i) {
    if (std::filesystem::exists(path)) return true;
    std::this_thread::sleep_for(100ms);
  }
  return false;
}

void insist_on_result(const SweepJob& job) {
  if (appears(job.result)) return;
  std::string log;
  if (std::filesystem::exists(job.log)) log = results::durable::read_file(job.log);
  if (log.size() > shown_of_log) log = log.substr(log.size() - shown_of_log);
  std::cerr << log;
  throw Error{Category::io,
              fmt::format("measure loading on {} machines", job.nodes),
              {},
              Expected{"results of job " + job.id},
              Got{"none"},
              log.empty() ? "it has no log either: is the folder of --out seen by all nodes?"
                          : "the end of its log is above"};
}

}  // namespace

bool slurm_answers() {
  try {
    return slurm::run_command({"sinfo", "--noheader", "--format=%T"}, {}, 5s).status == 0;
  } catch (const Error&) {
    return false;
  }
}

bool sweep_by_jobs(const BenchSweepOptions& options, const std::string& folder,
                   const slurm::Foreground& foreground,
                   const std::function<void(const std::string& result)>& take) {
  std::vector<SweepJob> jobs;
  std::size_t done = 0;
  const auto cancel_rest = [&] {
    std::vector<std::string> ids;
    for (std::size_t i = done; i < jobs.size(); ++i) ids.push_back(jobs[i].id);
    slurm::cancel(ids);
  };
  try {
    for (const int nodes : options.nodes)
      jobs.push_back(submit_sweep(options, nodes, folder, jobs.empty() ? "" : jobs.back().id));
    for (; done < jobs.size(); ++done) {
      while (slurm::job_lives(jobs[done].id)) {
        if (foreground.told()) {
          cancel_rest();
          return true;
        }
        std::this_thread::sleep_for(1s);
      }
      insist_on_result(jobs[done]);
      take(jobs[done].result);
    }
  } catch (const Error&) {
    ++done;  // that job has ended
    cancel_rest();
    throw;
  }
  return false;
}

}  // namespace ditmill::jobs::bench
