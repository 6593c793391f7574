#include "jobs/cli/results/index.h"

#include <map>
#include <nlohmann/json.hpp>

#include "jobs/results/store/index.h"
#include "jobs/run/epoch.h"
#include "jobs/run/frozen/frozen_config.h"

namespace ditmill::jobs::cli {

results::ResultsOutput results_index(const std::string& run_directory, bool as_json,
                                     const slurm::Allocation& allocation) {
  const results::ResultsRun run(run_directory);
  run::require_idle(run.directory(), allocation, "write the index of a run");
  const nlohmann::json config = run::read_config(run.directory());
  const results::JournalState journals = results::read_journals(run.directory());
  const std::size_t linked = results::write_index(run.directory(), journals, config);
  std::map<results::ItemOutcome, std::size_t> counts;
  for (const results::ListedItem& item : run.items()) ++counts[item.outcome];
  results::ResultsOutput output{.text = {}, .notes = run.notes()};
  if (as_json) {
    output.text = nlohmann::json{{"linked", linked},
                                 {"failed", counts[results::ItemOutcome::failed]},
                                 {"quarantined", counts[results::ItemOutcome::quarantined]},
                                 {"left", counts[results::ItemOutcome::left]},
                                 {"missing_parts", journals.missing_parts}}
                      .dump(2) +
                  "\n";
    return output;
  }
  output.text = std::to_string(linked) + " of " + std::to_string(run.items().size()) + " items linked in " +
                run.directory().index();
  for (const results::ItemOutcome outcome :
       {results::ItemOutcome::failed, results::ItemOutcome::quarantined, results::ItemOutcome::left}) {
    if (counts[outcome] > 0) {
      output.text += ", " + std::to_string(counts[outcome]) + " " + std::string(name(outcome));
    }
  }
  output.text += "\n";
  for (const std::string& part : journals.missing_parts) output.text += "missing part: " + part + "\n";
  return output;
}

}  // namespace ditmill::jobs::cli
