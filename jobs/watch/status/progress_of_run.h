#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dist/liveness/rank_state.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/journal/tail.h"
#include "jobs/watch/status/group_pace.h"
#include "jobs/watch/status/group_status.h"
#include "jobs/watch/status/item_counts.h"
#include "jobs/watch/status/run_life.h"
#include "registry/byte_source.h"
#include "slurm/job_facts.h"

namespace ditmill::jobs::watch {

/// Something that went wrong with an item, or made a group stop.
struct RunError {
  double time = 0;
  results::Event event = results::Event::failed;  ///< failed, quarantined, stopped or crashed
  std::string item = {};                          ///< empty: the whole group
  std::string key = {};
  int attempt = 0;
  int epoch = 0;
  int group = 0;
  std::string reason = {};  ///< reason_text()
};

/// What a rank of the newest epoch said last.
struct RankWords {
  dist::RankReport report;
  double age_s = 0;   ///< since its last progress
  bool gone = false;  ///< its process is, as far as this host can see
};

/// Where a run stands: what `status` shows.
struct RunProgress {
  std::string run;   ///< the directory
  std::string name;  ///< of the job
  double now = 0;    ///< seconds since 1970
  RunLife life;
  bool has_list = false;  ///< false: requests.jsonl is not written yet, and the counts are 0
  std::size_t total = 0;
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t quarantined = 0;
  std::size_t left = 0;
  double items_per_hour = 0;    ///< of this epoch, while groups were at work; 0: not known
  double seconds_per_item = 0;  ///< wall time of the job an item; 0: not known
  double window_s = 0;          ///< the time that these are of
  std::optional<double> eta_s;  ///< none if it is not known, or the run is not at work
  std::vector<GroupStatus> groups;
  std::vector<RankWords> ranks;   ///< by rank; none once a run has ended in order
  std::vector<RunError> errors;   ///< newest first; those of items that are done now left out
  std::string stop_file;          ///< the STOP that is there; of an array's task also the array's
  std::string resubmit;           ///< the command that submits it again; empty: it was not submitted
  bool resumes_by_retry = false;  ///< an array: by that command with --retry
  std::vector<results::JournalReport> damage;  ///< of journals: the first of them
  std::size_t damage_count = 0;
  std::optional<slurm::JobReport> slurm;  ///< of its job; none if it has none, or was not asked for
};

/// Looks at a run directory again and again. Each look reads what was appended to the journals since the last
/// one; a resumed run with another list is read anew. Nothing is written.
class RunWatcher {
 public:
  static constexpr std::size_t most_errors = 100;

  /// Throws Error(not_found) if this is no run directory.
  explicit RunWatcher(results::RunDirectory run);

  /// `now` in seconds since 1970, as journal_time(). Throws Error: io, bad_input (requests.jsonl).
  RunProgress look(double now);

 private:
  void begin_epoch(int epoch);
  void reread_list();
  void take(const results::JournalFile& file, const results::Record& record);
  void keep_error(const results::JournalFile& file, const results::Record& record);
  void add_counts(RunProgress& progress) const;
  void add_rate(RunProgress& progress) const;
  void add_ranks(RunProgress& progress) const;
  void add_damage(RunProgress& progress) const;
  std::vector<RunError> open_errors() const;

  results::RunDirectory run_;
  dist::RankReport self_;  ///< this process: whose pids it can see
  std::string name_;
  registry::FileStamp list_stamp_;
  std::optional<ItemCounts> counts_;
  std::unique_ptr<results::JournalTail> tail_;
  int epoch_ = 0;                           ///< that `paces_` are of
  std::map<int, GroupPace> paces_;          ///< by group
  std::multimap<double, RunError> errors_;  ///< by time
};

}  // namespace ditmill::jobs::watch
