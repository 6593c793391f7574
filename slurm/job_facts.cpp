#include "slurm/job_facts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <utility>

#include "configs/error.h"
#include "slurm/command.h"
#include "slurm/time_limit.h"

namespace ditmill::slurm {
namespace {

using namespace std::chrono_literals;

/// A controller that answers does so in milliseconds; whoever looks at a run must not wait for one that does
/// not.
constexpr std::chrono::milliseconds patience = 3s;

/// Else Slurm cuts a long list of an array's tasks: "0,2,4,6...".
constexpr const char* whole_lists = "SLURM_BITSTR_LEN=0";

std::string_view next_piece(std::string_view& text, char end) {
  const std::string_view piece = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), piece.size() + 1));
  return piece;
}

std::string said(std::string_view value) {
  static constexpr std::array<std::string_view, 6> nothing{"",        "(null)", "None",
                                                           "Unknown", "N/A",    "None assigned"};
  return std::ranges::find(nothing, value) == nothing.end() ? std::string(value) : std::string{};
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The fields of a block of lines. A text that its user chose is the last one of its line, and may look like
/// any field: what follows it on its line is part of it.
std::map<std::string_view, std::string_view> fields_of(std::string_view block) {
  static constexpr std::array<std::string_view, 7> free_texts{"JobName", "Comment", "AdminComment", "Command",
                                                              "WorkDir", "StdErr",  "StdOut"};
  std::map<std::string_view, std::string_view> fields;
  while (!block.empty()) {
    std::string_view line = next_piece(block, '\n');
    while (!line.empty()) {
      const std::string_view word = next_piece(line, ' ');
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = word.substr(0, equals);
      if (std::ranges::find(free_texts, name) != free_texts.end()) break;
      fields.emplace(name, word.substr(equals + 1));
    }
  }
  return fields;
}

JobFacts facts_of(std::string_view block) {
  const auto fields = fields_of(block);
  const auto field = [&fields](std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string{} : said(found->second);
  };
  JobFacts facts{.id = field("JobId"),
                 .state = field("JobState"),
                 .reason = field("Reason"),
                 .nodes = field("NodeList"),
                 .restarts = number(field("Restarts"))};
  if (const std::string array = field("ArrayJobId"); !array.empty()) {
    facts.raw_id = std::exchange(facts.id, array + "_" + field("ArrayTaskId"));
  }
  if (facts.waits()) {
    facts.nodes.clear();
    facts.starts = field("StartTime");
    return facts;
  }
  facts.elapsed_s = limit_seconds(field("RunTime"));
  if (facts.works()) {
    const std::optional<double> limit = limit_seconds(field("TimeLimit"));
    if (limit && facts.elapsed_s) facts.time_left_s = std::max(*limit - *facts.elapsed_s, 0.0);
  } else {
    facts.exit_code = field("ExitCode");
  }
  return facts;
}

}  // namespace

bool JobFacts::waits() const {
  static constexpr std::array<std::string_view, 6> states{"PENDING",      "REQUEUED",     "REQUEUE_FED",
                                                          "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"};
  return std::ranges::find(states, state) != states.end();
}

bool JobFacts::works() const {
  static constexpr std::array<std::string_view, 8> states{"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED",
                                                          "STOPPED", "SIGNALING",   "STAGE_OUT",  "RESIZING"};
  return std::ranges::find(states, state) != states.end();
}

std::vector<JobFacts> parse_scontrol(std::string_view text) {
  std::vector<JobFacts> jobs;
  while (!text.empty()) {
    const std::string_view block = text.substr(0, text.find("\n\n"));
    text.remove_prefix(std::min(text.size(), block.size() + 2));
    JobFacts facts = facts_of(block);
    if (!facts.id.empty() && !facts.state.empty()) jobs.push_back(std::move(facts));
  }
  return jobs;
}

std::vector<JobFacts> parse_sacct(std::string_view text) {
  std::vector<JobFacts> jobs;
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    const std::string id(next_piece(line, '|'));
    if (id.empty()) continue;
    const std::string raw_id(next_piece(line, '|'));
    std::string_view state = next_piece(line, '|');  // "CANCELLED by 1000"
    JobFacts facts{.id = id,
                   .raw_id = raw_id == id ? "" : raw_id,
                   .state = std::string(next_piece(state, ' ')),
                   .accounted = true};
    facts.exit_code = next_piece(line, '|');
    const std::string_view elapsed = next_piece(line, '|');
    if (!elapsed.empty()) facts.elapsed_s = number(elapsed);
    facts.nodes = said(line);
    const auto earlier = std::ranges::find(jobs, id, &JobFacts::id);
    if (earlier == jobs.end()) {
      jobs.push_back(std::move(facts));
    } else {
      facts.restarts = earlier->restarts + 1;
      *earlier = std::move(facts);
    }
  }
  return jobs;
}

std::optional<JobReport> ask_of_job(const std::string& id) {
  JobReport report;
  try {
    const Ran controller = run_command({"env", whole_lists, "scontrol", "show", "job", id}, {}, patience);
    if (controller.status == 0) report.jobs = parse_scontrol(controller.out);
    if (!report.jobs.empty()) return report;
    const bool forgotten = controller.err.find("Invalid job id") != std::string::npos;
    report.note =
        forgotten ? "Slurm's controller has forgotten job " + id : "Slurm's controller does not answer";
    const Ran accounting =
        run_command({"env", whole_lists, "sacct", "--noheader", "--parsable2", "--allocations",
                     "--duplicates", std::string{"--format="} + sacct_format, "--jobs=" + id},
                    {}, patience);
    if (accounting.status == 0) report.jobs = parse_sacct(accounting.out);
    if (!report.jobs.empty()) {
      report.note.clear();
    } else if (forgotten) {
      report.note +=
          accounting.status == 0 ? ", and its accounts know nothing of it" : ", and keeps no accounts";
    }
  } catch (const Error&) {
    if (report.note.empty()) return std::nullopt;
  }
  return report;
}

}  // namespace ditmill::slurm
