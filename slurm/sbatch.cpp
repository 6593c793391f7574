#include "slurm/sbatch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "configs/error.h"
#include "slurm/command.h"

namespace ditmill::slurm {
namespace {

std::vector<std::string> with_options(std::vector<std::string> words,
                                      const std::vector<std::string>& options) {
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

/// sbatch takes a long option by as much of its name as is no other's, too.
bool is_option(std::string_view word, std::string_view option) {
  if (!option.starts_with("--")) return word.starts_with(option);
  const std::string_view name = word.substr(0, word.find_first_of("= "));
  return name.size() > 2 && option.starts_with(name);
}

}  // namespace

void check_sbatch_options(const std::vector<std::string>& options, OptionsOf place) {
  struct Taken {
    std::array<std::string_view, 3> words{};
    const char* instead = nullptr;  ///< on the command line
    const char* in_manifest = nullptr;
  };
  static constexpr const char* signals =
      "slurm.lead_seconds; or change RUN/submit/job.sh after a submission, and give that to sbatch";
  static constexpr std::array<Taken, 4> taken{
      {{{"--nodes", "-N", "--nodes"}, "--nodes N before the --", "slurm.nodes"},
       {{"--ntasks", "-n", "--ntasks-per-node"}, "--ranks-per-node R before the --", "slurm.ranks_per_node"},
       {{"--array", "-a", "--array"}, "--array K before the --", "submit --array K"},
       {{"--signal", "--open-mode", "--wrap"}, signals, signals}}};
  const bool is_manifest = place == OptionsOf::manifest;
  for (const std::string& word : options) {
    for (const Taken& entry : taken) {
      for (const std::string_view option : entry.words) {
        if (!is_option(word, option)) continue;
        throw Error{Category::usage,
                    is_manifest ? "read slurm.options" : "read the options for sbatch",
                    {},
                    Expected{"those that the batch script does not rest on"},
                    Got{printable(word)},
                    std::string{"use "} + (is_manifest ? entry.in_manifest : entry.instead)};
      }
    }
  }
}

std::vector<std::string> options_of_whose(const std::vector<std::string>& options) {
  static constexpr std::array<std::string_view, 10> whose{
      "--account", "-A", "--partition", "-p", "--qos", "-q", "--clusters", "-M", "--reservation", "--wckey"};
  std::vector<std::string> kept;
  bool takes_next = false;
  for (const std::string& word : options) {
    const bool is_value = takes_next && !word.starts_with('-');
    const bool is_one =
        std::ranges::any_of(whose, [&word](std::string_view option) { return is_option(word, option); });
    takes_next = is_one && word.find_first_of("= ") == std::string::npos &&
                 (word.starts_with("--") || word.size() == 2);
    if (is_value || is_one) kept.push_back(word);
  }
  return kept;
}

std::string sbatch(const std::string& script_path, const std::vector<std::string>& options) {
  std::vector<std::string> words = with_options({"sbatch", "--parsable"}, options);
  words.push_back(script_path);
  const std::string out = insist(words).out;
  return out.substr(0, out.find_first_of(";\n"));  // "12" or, on another cluster, "12;CLUSTER"
}

std::string sbatch_test_only(const std::string& script, const std::vector<std::string>& options) {
  const Ran ran = insist(with_options({"sbatch", "--test-only"}, options), script);
  return ran.out + ran.err;
}

void end_in_order(const std::string& job_id) {
  insist({"scontrol", "update", "JobId=" + job_id, "Requeue=0"});
  insist({"scancel", "--batch", "--signal=USR1", job_id});
}

void cancel(const std::vector<std::string>& job_ids) {
  if (!job_ids.empty()) insist(with_options({"scancel"}, job_ids));
}

void cancel_waiting(const std::vector<std::string>& job_ids) {
  if (!job_ids.empty()) insist(with_options({"scancel", "--state=PENDING"}, job_ids));
}

}  // namespace ditmill::slurm
