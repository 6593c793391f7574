#pragma once

#include <string>
#include <string_view>

#include "slurm/allocation.h"

namespace ditmill::jobs::results {

/// Who wrote an epoch file: a dist::Process, and what Slurm calls it. Empty or 0 where it is not known.
struct EpochOwner {
  std::string host;
  std::string boot_id;
  std::string pid_namespace;
  int pid = 0;
  unsigned long long pid_start = 0;
  std::string slurm_job;
  int slurm_restart = 0;

  bool operator==(const EpochOwner&) const = default;
};

/// This process.
EpochOwner this_process(const slurm::Allocation& allocation);

std::string to_text(const EpochOwner& owner);
/// An owner of whom nothing is known, if the text is torn: its heartbeat then decides.
EpochOwner owner_from_text(std::string_view text);

/// Whether `self` can tell that the owner has ended: its process is gone on this boot, or its Slurm job has
/// been started again since. False: unknown.
bool has_ended(const EpochOwner& owner, const EpochOwner& self);
/// "pid 12 on node7, Slurm job 34": for messages.
std::string describe(const EpochOwner& owner);

}  // namespace ditmill::jobs::results
