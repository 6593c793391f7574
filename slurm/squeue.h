#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::slurm {

/// A job that is queued or at work.
struct QueuedJob {
  std::string id;      ///< "17", or "17_2": a task of an array
  std::string state;   ///< PENDING, RUNNING, COMPLETING ...
  std::string reason;  ///< why it waits, or where it runs
  std::string script;  ///< its path, and the arguments

  bool operator==(const QueuedJob&) const = default;
  /// "17": the id of the whole of an array.
  std::string whole() const { return id.substr(0, id.find('_')); }
  /// 2; none: no task of an array.
  std::optional<int> task() const;
  bool is_of(std::string_view script_path) const;
};

/// The format that parse_queue() reads.
inline constexpr const char* queue_format = "%i|%T|%R|%o";

/// What squeue printed by queue_format, a job a line. Throws Error(io) for other text.
std::vector<QueuedJob> parse_queue(std::string_view text);

/// The live jobs of a batch script, an array's task by task: this user's, and those of the ids, whosever they
/// are. An id of another script's is passed over: Slurm counts from 1 again some day. Throws Error as
/// insist() does.
std::vector<QueuedJob> live_jobs(const std::string& script_path, const std::vector<std::string>& known_ids);

/// Whether a job is queued or at work, as far as the controller can be asked: true if it cannot.
bool job_lives(const std::string& id);

}  // namespace ditmill::slurm
