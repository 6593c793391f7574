#include "jobs/cli/results/index.h"

#include <map>
#include <nlohmann/json.hpp>

#include "jobs/run/epoch.h"
#include "jobs/store/index.h"
#include "jobs/store/tools/frozen_config.h"

namespace ditmill::jobs {

ResultsOutput results_index(const std::string& run_directory, bool as_json,
                            const slurm::Allocation& allocation) {
  const ResultsRun run(run_directory);
  require_idle(run.directory(), allocation, "write the index of a run");
  const nlohmann::json config = read_config(run.directory());
  const JournalState journals = read_journals(run.directory());
  const std::size_t linked = write_index(run.directory(), journals, config);
  std::map<ItemOutcome, std::size_t> counts;
  for (const ListedItem& item : run.items()) ++counts[item.outcome];
  ResultsOutput output{.text = {}, .notes = run.notes()};
  if (as_json) {
    output.text = nlohmann::json{{"linked", linked},
                                 {"failed", counts[ItemOutcome::failed]},
                                 {"quarantined", counts[ItemOutcome::quarantined]},
                                 {"left", counts[ItemOutcome::left]},
                                 {"missing_parts", journals.missing_parts}}
                      .dump(2) +
                  "\n";
    return output;
  }
  output.text = std::to_string(linked) + " of " + std::to_string(run.items().size()) + " items linked in " +
                run.directory().index();
  for (const ItemOutcome outcome : {ItemOutcome::failed, ItemOutcome::quarantined, ItemOutcome::left}) {
    if (counts[outcome] > 0) {
      output.text += ", " + std::to_string(counts[outcome]) + " " + std::string(name(outcome));
    }
  }
  output.text += "\n";
  for (const std::string& part : journals.missing_parts) output.text += "missing part: " + part + "\n";
  return output;
}

}  // namespace ditmill::jobs
