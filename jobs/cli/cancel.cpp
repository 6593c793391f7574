#include "jobs/cli/cancel.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/cli/submit.h"
#include "slurm/sbatch.h"

namespace ditmill::jobs {

int cancel_run(const std::string& run_directory, bool now, bool as_json, std::ostream& out) {
  if (!std::filesystem::is_directory(run_directory)) {
    throw Error{Category::not_found, "cancel a run", Where{.file = run_directory},
                Expected{"a run directory"}};
  }
  const RunDirectory run{std::filesystem::weakly_canonical(run_directory).string()};
  const auto live = live_job_of(run);
  if (!live) {
    throw Error{Category::usage, "cancel a run", Where{.file = run.path()},
                Expected{"a job of it, queued or at work"}, Got{"none"}};
  }
  const bool in_order = !now && live->state == "RUNNING";
  if (in_order) {
    slurm::end_in_order(live->id);
  } else {
    slurm::cancel(live->id);
  }
  if (as_json) {
    out << nlohmann::json{{"job_id", live->id}, {"state", live->state}, {"in_order", in_order}}.dump(2)
        << "\n";
  } else if (in_order) {
    out << fmt::format("job {} finishes what fits, and ends; `ditmill submit` goes on with it\n", live->id);
  } else {
    out << fmt::format("job {}, {}, is cancelled\n", live->id, live->state);
  }
  return 0;
}

}  // namespace ditmill::jobs
