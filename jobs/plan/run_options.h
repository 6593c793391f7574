#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/run/frozen/resume.h"
#include "jobs/run/frozen/selection.h"

namespace ditmill::jobs::plan {

/// What the command line of `run` says.
struct RunOptions {
  std::string manifest;
  std::string from_dump;           ///< --from-dump FILE, instead of a manifest
  std::vector<std::string> sets;   ///< --set a.b.c=V, in order
  std::string run_dir;             ///< --run-dir; empty: output.path
  std::string weights_from;        ///< --weights-from: a copy of model.path; empty: none
  std::string staged;              ///< --staged: the folder that `stage` filled; empty: none
  bool drop = false;               ///< --drop: forget items that vanished from the list
  run::Retry retry;                ///< --retry failed,quarantined
  run::Selection selection;        ///< --only, --pilot, --shuffle
  int max_fails = 0;               ///< --max-fails; 0: any number
  int grace = 60;                  ///< --grace, seconds
  int np = 0;                      ///< --np: start so many ranks; 0: a launcher has
  int max_crashes = 0;             ///< --max-crashes, of --np
  std::string device = "auto";     ///< --device: auto, cpu or cuda
  bool skip_memory_check = false;  ///< --skip-memory-check
  int watchdog = 0;                ///< --watchdog, seconds; 0: off
  int threads = 0;                 ///< --threads; 0: allocated cores / local ranks
  bool check = false;              ///< --check
  std::string dump;                ///< --dump FILE, of --check; empty: none
  std::string fields;              ///< --fields MODEL, in place of a manifest
  int ranks = 0;                   ///< --ranks, of --check
  int ranks_per_machine = 0;       ///< --ranks-per-machine, of --check; 0: all
  bool json = false;
  std::string out;  ///< --out FILE
  std::string log_level = "info";
  std::string log_file;

  /// Where copies of weights are.
  const std::string& copies() const noexcept { return staged.empty() ? weights_from : staged; }
};

/// What `submit` passes on to the runs that it submits, as words of a command line.
std::vector<std::string> passed_words(const RunOptions& options);
/// "failed", "quarantined" or both, with a comma; nothing for another text.
std::optional<run::Retry> retry_from_text(std::string_view text);
/// "--retry failed,quarantined" as words; none: no words.
std::vector<std::string> words_of(const run::Retry& retry);

}  // namespace ditmill::jobs::plan
