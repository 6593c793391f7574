#pragma once

#include <string>
#include <string_view>
#include <vector>

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
  std::vector<std::string> mounts;  ///< folders that the ranks need in a container
  std::string version;              ///< of ditmill
  std::string model = {};           ///< whose weights slurm.stage copies; empty: a rehearsal
  std::string catalog = {};         ///< that knows the model; empty: the built-in one
};

/// A bash script for sbatch, for its user to read and change: it launches the run, passes on USR2 (and TERM,
/// as USR2 and after 15 s as TERM), waits for the end, and by outcome.json puts the job back into the queue
/// or ends with the outcome's code. Throws Error(usage) for a path that no #SBATCH line can hold.
std::string batch_script(const BatchJob& job);

/// A word of bash that stands for the text.
std::string shell_word(std::string_view text);

}  // namespace ditmill::slurm
