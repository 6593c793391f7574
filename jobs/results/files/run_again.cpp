#include "jobs/results/files/run_again.h"

#include <filesystem>

#include "configs/shell_word.h"
#include "jobs/results/files/frozen_shard.h"

namespace ditmill::jobs::results {

std::string see_verify(const RunDirectory& run) {
  return "`ditmill results verify " + shell_word(run.path()) + "` says what is damaged, and how to mend it";
}

std::string run_again(const RunDirectory& run) {
  if (!std::filesystem::exists(run.manifest())) return run_with_own_manifest(run);
  const std::optional<requests::Shard> shard = frozen_shard(run);
  return "`ditmill run " + shell_word(run.manifest()) + " --run-dir " + shell_word(run.path()) +
         (shard ? " --shard " + describe(shard) : "") + "`";
}

std::string run_with_own_manifest(const RunDirectory& run) {
  return "`ditmill run JOB.yaml --run-dir " + shell_word(run.path()) + "` with the job's own manifest";
}

}  // namespace ditmill::jobs::results
