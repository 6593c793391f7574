#include "jobs/cli/results/verify.h"

#include <nlohmann/json.hpp>

#include "configs/size_text.h"
#include "jobs/run/verify/cures.h"

namespace ditmill::jobs::cli {
namespace {

using nlohmann::json;

json to_json(const run::VerifyReport& report) {
  json damage = json::array();
  for (const run::Damage& each : report.damage) damage.push_back(to_json(each));
  return {{"exit", report.exit_code()},
          {"parts", report.parts},
          {"bytes", report.bytes},
          {"items", report.items},
          {"done", report.done},
          {"failed", report.failed},
          {"quarantined", report.quarantined},
          {"left", report.left},
          {"damage", std::move(damage)},
          {"cures", report.cures},
          {"stale_index", report.stale_index},
          {"leftovers", report.leftovers},
          {"notes", report.notes}};
}

std::string verdict(const run::VerifyReport& report) {
  switch (report.exit_code()) {
    case 0:
      return "all whole and complete\n";
    case 2:
      return "what is there is whole\n";
    default:
      break;
  }
  std::string text = "DAMAGED: " + std::to_string(report.damage.size()) + " findings; to mend it:\n";
  for (const std::string& cure : report.cures) text += "  " + cure + "\n";
  return text;
}

std::string to_text(const run::VerifyReport& report, const results::RunDirectory& run) {
  std::string text;
  for (const run::Damage& damage : report.damage) text += "damage: " + describe(damage) + "\n";
  for (const std::string& stale : report.stale_index) {
    text += "results.h5: " + stale + "; " + run::index_cure(run) + "\n";
  }
  for (const std::string& leftover : report.leftovers) text += "leftover: " + leftover + "\n";
  text += std::to_string(report.parts) + " parts, " + gigabytes(report.bytes, 2) + "; " +
          std::to_string(report.done) + " of " + std::to_string(report.items) + " items done";
  const auto missing = [&text](const char* what, const std::vector<std::string>& ids) {
    if (!ids.empty()) text += ", " + std::to_string(ids.size()) + " " + what + " (" + run::some_of(ids) + ")";
  };
  missing("failed", report.failed);
  missing("quarantined", report.quarantined);
  missing("left", report.left);
  return text + "\n" + verdict(report);
}

}  // namespace

std::string describe(const run::VerifyProgress& progress) {
  return std::to_string(progress.items) + " of " + std::to_string(progress.expected_items) + " items, " +
         std::to_string(progress.parts) + " parts, " + gigabytes(progress.bytes, 2) + ", " +
         std::to_string(progress.damage) + " findings";
}

results::ResultsOutput results_verify(const std::string& run_directory, bool as_json,
                                      const slurm::Allocation& allocation,
                                      const std::function<void(const run::VerifyProgress&)>& progress) {
  const results::RunDirectory run{run_directory};
  const run::VerifyReport report = run::verify_run(run, allocation, progress);
  const auto replace = json::error_handler_t::replace;
  return {.text = as_json ? to_json(report).dump(2, ' ', false, replace) + "\n" : to_text(report, run),
          .notes = report.notes,
          .code = report.exit_code()};
}

}  // namespace ditmill::jobs::cli
