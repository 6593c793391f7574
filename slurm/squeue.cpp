#include "slurm/squeue.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "configs/error.h"
#include "slurm/command.h"

namespace ditmill::slurm {
namespace {

std::vector<std::string> squeue_words(std::vector<std::string> which) {
  std::vector<std::string> words{"squeue", "--noheader", std::string{"--format="} + queue_format};
  words.insert(words.end(), std::make_move_iterator(which.begin()), std::make_move_iterator(which.end()));
  return words;
}

}  // namespace

std::vector<QueuedJob> parse_queue(std::string_view text) {
  std::vector<QueuedJob> jobs;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view whole = line;
    std::array<std::string, 4> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::size_t end = i + 1 == fields.size() ? line.size() : line.find('|');
      if (end == std::string_view::npos) {
        throw Error{Category::io, "read what squeue says", {}, Expected{queue_format}, Got{printable(whole)}};
      }
      fields[i] = line.substr(0, end);
      line.remove_prefix(std::min(line.size(), end + 1));
    }
    jobs.push_back({fields[0], fields[1], fields[2], fields[3]});
  }
  return jobs;
}

std::optional<QueuedJob> live_job(const std::string& script_path, const std::string& known_id) {
  for (QueuedJob& job : parse_queue(insist(squeue_words({"--me"})).out)) {
    if (job.script == script_path || job.id == known_id) return std::move(job);
  }
  if (known_id.empty()) return std::nullopt;
  // Of another user, or on another cluster; squeue fails for an id that it has forgotten.
  const Ran ran = run_command(squeue_words({"--jobs=" + known_id}));
  if (ran.status != 0) return std::nullopt;
  std::vector<QueuedJob> jobs = parse_queue(ran.out);
  const auto same = std::ranges::find(jobs, script_path, &QueuedJob::script);
  return same == jobs.end() ? std::nullopt : std::optional{*same};
}

bool job_lives(const std::string& id) {
  const Ran ran = run_command(squeue_words({"--jobs=" + id}));
  return ran.status == 0 ? !ran.out.empty() : ran.err.find("Invalid job id") == std::string::npos;
}

}  // namespace ditmill::slurm
