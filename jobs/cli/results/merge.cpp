#include "jobs/cli/results/merge.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/run/verify/damage.h"

namespace ditmill::jobs::cli {

results::ResultsOutput results_merge(const run::MergeOptions& options, bool as_json,
                                     const slurm::Allocation& allocation) {
  const run::MergeReport report = run::merge_runs(options, allocation);
  results::ResultsOutput output{
      .text = {}, .notes = report.notes, .code = report.alarms.empty() ? 0 : exit_incomplete};
  if (!report.alarms.empty()) {
    output.notes.push_back(
        "ALARM: " + std::to_string(report.alarms.size()) +
        " items were done twice with different content, the first counts: " + run::some_of(report.alarms));
  }
  if (as_json) {
    output.text = nlohmann::json{{"out", options.out},
                                 {"items", report.items.total()},
                                 {"done", report.items.done},
                                 {"failed", report.items.failed},
                                 {"quarantined", report.items.quarantined},
                                 {"left", report.items.left},
                                 {"parts_linked", report.parts_linked},
                                 {"parts_copied", report.parts_copied},
                                 {"alarms", report.alarms}}
                      .dump(2) +
                  "\n";
    return output;
  }
  output.text = std::to_string(report.items.total()) + " items of " + std::to_string(options.runs.size()) +
                " runs in " + options.out + ": " + std::to_string(report.items.done) + " done, " +
                std::to_string(report.items.given_up()) + " failed, " + std::to_string(report.items.left) +
                " left; " + std::to_string(report.parts_linked) + " parts linked, " +
                std::to_string(report.parts_copied) + " copied\n";
  return output;
}

}  // namespace ditmill::jobs::cli
