#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/yaml_reader.h"

namespace ditmill::slurm {

/// Who starts the ranks: mpirun where the nodes have it, else srun; or one of them.
enum class Launcher { automatic, mpirun, srun };
enum class ContainerRuntime { apptainer, pyxis };

/// The image that the ranks run in; it has ditmill-engine on its PATH.
struct Container {
  std::string image;
  ContainerRuntime runtime = ContainerRuntime::apptainer;
  std::vector<std::string> mounts =
      {};  ///< "FROM[:TO]" of the cluster's folders, beside run directory and model
};

/// What is copied to each node's own disk before the ranks start.
struct Staging {
  std::string to;                           ///< as bash expands it between double quotes: text and ${NAME}
  std::vector<std::string> variables = {};  ///< the NAMEs in it
  bool program = true;                      ///< the executables and their libraries
  bool weights = true;
  bool keep = false;  ///< after the job's end
};

/// What the manifest's `slurm:` says: how `ditmill submit` asks for nodes, and what a site needs.
struct Settings {
  int nodes = 1;
  std::optional<int> ranks_per_node;
  int gpus_per_node = 0;
  std::optional<int> cpus_per_rank;
  std::string time;       ///< as sbatch reads it; empty: the partition's default
  std::string partition;  ///< these three: empty: the cluster's default
  std::string account;
  std::string qos;
  std::vector<std::string> options;  ///< of sbatch, verbatim: "--constraint=a100"
  std::vector<std::string> modules;
  std::string prologue;  ///< lines of bash
  Launcher launcher = Launcher::automatic;
  std::optional<Container> container;
  std::optional<Staging> stage;
  int max_crashes = 3;     ///< new starts inside an allocation after a lost rank
  int max_restarts = 3;    ///< how often the job may go back to the queue
  int lead_seconds = 120;  ///< from USR2 to the time limit
};

/// Reads `slurm:`; problems go to the reader.
Settings read_settings(configs::MapReader slurm);

}  // namespace ditmill::slurm
