#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/shell_word.h"
#include "slurm/settings.h"

namespace ditmill::slurm {

/// What a batch script is made of. Paths are absolute, and the same on all nodes.
struct BatchJob {
  std::string name;
  Settings settings;
  int ranks_per_node = 1;
  std::string run_directory;
  std::string manifest;  ///< frozen
  std::string log;       ///< a pattern of sbatch's: %j is the job's id
  std::string ditmill;
  std::string engine;
  std::vector<std::string> mounts;               ///< folders that the ranks need in a container
  std::string version;                           ///< of ditmill
  std::vector<std::string> sbatch_options = {};  ///< that the script is submitted with
  std::vector<std::string> options = {};         ///< of `run`, further ones
  std::vector<std::string> first_options = {};   ///< and those of the job's first start alone
  int shards = 0;           ///< tasks of an array, each with a shard of the list; 0: no array
  int shards_at_once = 0;   ///< 0: as many as Slurm has room for
  bool has_weights = true;  ///< that slurm.stage copies; false: a rehearsal
};

/// A bash script for sbatch, for its user to read and change: it launches the run, and again after a crash,
/// passes on USR1 and USR2 (and TERM, as USR2 and then as TERM), waits for the end, and by outcome.json puts
/// the job back into the queue, or submits a successor, or ends with the outcome's code. A task of an array
/// does all this for its shard, in run_directory/shards/0002. Throws Error(usage) for a path that no #SBATCH
/// line can hold.
std::string batch_script(const BatchJob& job);

/// The script of the job that follows an array: merges the shards into the run directory if all of them are
/// finished; else says which are not, and how to go on, and ends with 75. Throws as batch_script() does.
std::string merge_script(const BatchJob& job);

/// What sbatch's --array takes: "0-3" or "0-3%2" for the whole of an array, "2,5%2" for some tasks of it.
std::string array_tasks(const BatchJob& job, const std::vector<int>& some = {});

using ditmill::shell_word;

}  // namespace ditmill::slurm
