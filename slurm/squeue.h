#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::slurm {

/// A job that is queued or at work.
struct QueuedJob {
  std::string id;
  std::string state;   ///< PENDING, RUNNING, COMPLETING ...
  std::string reason;  ///< why it waits, or where it runs
  std::string script;

  bool operator==(const QueuedJob&) const = default;
};

/// The format that parse_queue() reads.
inline constexpr const char* queue_format = "%i|%T|%R|%o";

/// What squeue printed by queue_format, a job a line. Throws Error(io) for other text.
std::vector<QueuedJob> parse_queue(std::string_view text);

/// The live job of a batch script: of this user, or that of the id, if there is one. Throws Error as insist()
/// does.
std::optional<QueuedJob> live_job(const std::string& script_path, const std::string& known_id);

/// Whether a job is queued or at work, as far as the controller can be asked: true if it cannot.
bool job_lives(const std::string& id);

}  // namespace ditmill::slurm
