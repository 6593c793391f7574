#include "slurm/sbatch.h"

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

bool is_option(std::string_view word, std::string_view option) {
  const bool is_long = option.starts_with("--");
  return word == option || (word.starts_with(option) && (!is_long || word[option.size()] == '='));
}

}  // namespace

void check_sbatch_options(const std::vector<std::string>& options) {
  struct Taken {
    std::array<std::string_view, 3> words{};
    const char* instead = nullptr;
  };
  static constexpr std::array<Taken, 4> taken{
      {{{"--nodes", "-N", "--nodes"}, "--nodes N before the --"},
       {{"--ntasks", "-n", "--ntasks-per-node"}, "--ranks-per-node R before the --"},
       {{"--array", "-a", "--array"}, "a run directory, and a submission, for each part of the list"},
       {{"--signal", "--open-mode", "--wrap"},
        "slurm.lead_seconds, or a script of your own from --print-script"}}};
  for (const std::string& word : options) {
    for (const Taken& entry : taken) {
      for (const std::string_view option : entry.words) {
        if (!is_option(word, option)) continue;
        throw Error{Category::usage,
                    "read the options for sbatch",
                    {},
                    Expected{"those that the batch script does not rest on"},
                    Got{printable(word)},
                    std::string{"use "} + entry.instead};
      }
    }
  }
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

void cancel(const std::string& job_id) { insist({"scancel", job_id}); }

}  // namespace ditmill::slurm
