#include "jobs/cli/launch/launch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "configs/error.h"
#include "dist/liveness/process.h"
#include "dist/liveness/rank_state.h"
#include "jobs/results/files/temporary_folder.h"
#include "jobs/run/epoch.h"
#include "jobs/run/outcome.h"
#include "jobs/submit/staging/engine_path.h"
#include "slurm/allocation.h"
#include "slurm/foreground.h"
#include "slurm/launch.h"
#include "slurm/mpirun.h"
#include "slurm/process.h"

namespace ditmill::jobs::cli {
namespace {

/// While it lives, a folder of their own for the files of the mpiruns that this process starts, on a machine
/// that is the whole job's. Of two mpiruns that make the folder that they share by default at one moment, as
/// tasks of an array do, one gives up (Open MPI 4, orte/util/session_dir.c: mkdir, "File exists").
std::unique_ptr<results::TemporaryFolder> session_folder() {
  constexpr const char* variable = "OMPI_MCA_orte_tmpdir_base";
  // Other machines would keep an empty folder of this name.
  if (slurm::read_allocation().nodes.size() > 1 || std::getenv(variable) != nullptr) return nullptr;
  try {
    auto folder = std::make_unique<results::TemporaryFolder>(
        (std::filesystem::temp_directory_path() / "ditmill-mpi.").string());
    ::setenv(variable, folder->path().c_str(), 1);
    return folder;
  } catch (const std::exception&) {  // mpirun may find another, or says so
    return nullptr;
  }
}

/// A lone rank that died has left nobody who could find it dead but this process.
void note_lone_death(const results::RunDirectory& run, int epoch) {
  std::vector<dist::RankReport> dead;
  for (const dist::RankReport& report : dist::read_reports(run.status(epoch), dist::this_process().host)) {
    if (report.died_ms > 0) return;
    if (!report.leaves && dist::process_start(report.pid) != report.pid_start) dead.push_back(report);
  }
  if (dead.size() == 1) dist::note_death(run.status(epoch), dead.front());
}

/// The command line without what is the launcher's own.
std::vector<std::string> without(const std::vector<std::string>& words,
                                 std::initializer_list<std::string_view> options) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool keep = true;
    for (const std::string_view option : options) {
      if (words[i] == option) ++i;  // its value
      keep = keep && i < words.size() && !words[i].starts_with(std::string{option} + "=") &&
             (i == 0 || words[i - 1] != option);
    }
    if (keep) kept.push_back(words[i]);
  }
  return kept;
}

}  // namespace

int launch_run(const plan::RunOptions& options, const std::vector<std::string>& arguments) {
  const slurm::Foreground foreground;
  slurm::check_launches_once(slurm::read_launch());
  std::string path;
  {
    std::vector<Problem> problems;
    const plan::PreparedJob job = plan::prepare_job(options, problems);
    if (!problems.empty()) throw Error{std::move(problems)};
    if (!job.manifest.pipeline.parallel.automatic) plan::lay_out(job, options.np);
    path = job.manifest.output.path;
  }
  const results::RunDirectory run{path};
  slurm::forget_launch();  // mpirun refuses to start in a rank of mpirun's
  slurm::allow_root();
  const std::unique_ptr<results::TemporaryFolder> session = session_folder();
  std::vector<std::string> words = slurm::launcher_words(options.np);
  words.push_back(submit::engine_path());
  for (const std::string& word :
       without({arguments.begin() + 1, arguments.end()}, {"--np", "--max-crashes"})) {
    words.push_back(word);
  }

  for (int crashes = 0;;) {
    if (foreground.told()) return exit_resumable;
    const int before = results::newest_epoch(run);
    const slurm::Foreground::Ended ended = foreground.run(
        words, "--np starts Open MPI's mpirun: put it on the PATH, or name it by DITMILL_MPIRUN");
    const int epoch = results::newest_epoch(run);
    if (epoch == before)
      return ended.told ? exit_resumable : slurm::exit_code_of(ended.status);  // it never came to the run
    const std::optional<run::Outcome> outcome = run::outcome_of_epoch(run, epoch);
    // A rank that died on another machine ends rank 0 like a signal from outside; mpirun tells its signal.
    const bool lost_elsewhere = outcome && outcome->exit == exit_resumable && !ended.told &&
                                slurm::exit_code_of(ended.status) != exit_resumable;
    if (outcome && !outcome->crashed && !lost_elsewhere) return outcome->exit;
    if (ended.told) return exit_resumable;
    note_lone_death(run, epoch);
    const std::string what =
        outcome ? outcome->reason
                : fmt::format("the job ended with {} and no outcome", slurm::exit_code_of(ended.status));
    if (++crashes > options.max_crashes) {
      std::cerr << "ditmill: " << what << "\n";
      if (options.max_crashes > 0) {
        std::cerr << fmt::format("ditmill: {} crashes are more than --max-crashes {}\n", crashes,
                                 options.max_crashes);
      }
      return exit_code(Category::io);
    }
    words = without(words, {"--retry"});  // what this start gives up is not to be taken up by the next
    std::cerr << fmt::format("ditmill: crash {} of at most {}; started again: {}\n", crashes,
                             options.max_crashes, what);
  }
}

}  // namespace ditmill::jobs::cli
