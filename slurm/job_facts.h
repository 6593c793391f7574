#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::slurm {

/// What Slurm knows of a job, of its last start if it was started several times. Empty or none: not said.
struct JobFacts {
  std::string id = {};         ///< "12", or of an array's task "12_3"
  std::string raw_id = {};     ///< of an array's task: its SLURM_JOB_ID; empty: the same
  std::string state = {};      ///< PENDING, RUNNING, COMPLETING, TIMEOUT ...
  std::string reason = {};     ///< why it waits, or why it ended so
  std::string nodes = {};      ///< as Slurm writes a node list
  std::string exit_code = {};  ///< "75:0": of the batch script, and the signal that ended it
  std::string starts = {};     ///< of a waiting job: when Slurm expects to start it, by the cluster's clock
  int restarts = 0;
  std::optional<double> elapsed_s = {};
  std::optional<double> time_left_s = {};  ///< of a running job with a time limit
  bool accounted = false;                  ///< from the accounting: the controller has forgotten the job

  bool operator==(const JobFacts&) const = default;

  /// Whether it waits in the queue, or was put back into it.
  bool waits() const;
  /// Whether it holds nodes.
  bool works() const;
};

/// What `scontrol show job` printed: a job a block of lines.
std::vector<JobFacts> parse_scontrol(std::string_view text);

/// The columns that parse_sacct() reads.
inline constexpr const char* sacct_format = "JobID,JobIDRaw,State,ExitCode,ElapsedRaw,NodeList";
/// What sacct printed of jobs, with --duplicates a line a start and --parsable2: the last start of each.
std::vector<JobFacts> parse_sacct(std::string_view text);

/// What there is to know of a job, and what there was to say where that is nothing.
struct JobReport {
  std::vector<JobFacts> jobs;  ///< several: the tasks of an array
  std::string note;            ///< why there are none: the controller does not answer, or has forgotten it
};

/// Asks the controller, and if it has forgotten the job the accounting: a few seconds at most. None on a host
/// without Slurm's commands.
std::optional<JobReport> ask_of_job(const std::string& id);

}  // namespace ditmill::slurm
