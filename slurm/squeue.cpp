#include "slurm/squeue.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "configs/error.h"
#include "configs/number_text.h"
#include "slurm/command.h"

namespace ditmill::slurm {
namespace {

std::vector<std::string> squeue_words(std::vector<std::string> which) {
  std::vector<std::string> words{"squeue", "--noheader", "--array", std::string{"--format="} + queue_format};
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

std::optional<int> QueuedJob::task() const {
  const std::size_t at = id.find('_');
  if (at == std::string::npos) return std::nullopt;
  return number_from_text<int>(std::string_view{id}.substr(at + 1));
}

bool QueuedJob::is_of(std::string_view script_path) const {
  return script.starts_with(script_path) &&
         (script.size() == script_path.size() || script[script_path.size()] == ' ');
}

std::vector<QueuedJob> live_jobs(const std::string& script_path, const std::vector<std::string>& known_ids) {
  std::vector<QueuedJob> found;
  const auto keep = [&](const std::string& text) {
    for (QueuedJob& job : parse_queue(text)) {
      if (job.is_of(script_path)) found.push_back(std::move(job));
    }
  };
  keep(insist(squeue_words({"--me"})).out);
  for (const std::string& id : known_ids) {
    if (std::ranges::find(found, id, &QueuedJob::whole) != found.end()) continue;
    try {  // of another user, or on another cluster
      keep(insist(squeue_words({"--jobs=" + id})).out);
    } catch (const Error& error) {  // squeue fails for an id that it has forgotten, too
      if (error.category() == Category::io) throw;
    }
  }
  return found;
}

bool job_lives(const std::string& id) {
  const Ran ran = run_command(squeue_words({"--jobs=" + id}));
  return ran.status == 0 ? !ran.out.empty() : ran.err.find("Invalid job id") == std::string::npos;
}

}  // namespace ditmill::slurm
