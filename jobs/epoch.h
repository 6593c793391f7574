#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "jobs/run_directory.h"
#include "slurm/allocation.h"

namespace ditmill::jobs {

/// Ownership of a run directory: one file epochs/NNNN.json a start, created with O_EXCL, whose mtime is the
/// owner's heartbeat while this object lives.
class Epoch {
 public:
  /// Takes the next epoch. If the newest owner may be alive, waits until its pid and start time are gone on the
  /// same boot, its Slurm incarnation has ended, or its heartbeat is 30 s old; after 40 s throws Error(io)
  /// naming it. Reclaims what it left: temporary files.
  Epoch(RunDirectory run, const slurm::Allocation& allocation);
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch();

  int number() const noexcept { return number_; }

 private:
  RunDirectory run_;
  int number_ = 0;
  std::jthread heartbeat_;
};

/// Whether the run directory holds a higher epoch than `number`: a writer that sees one stops before it seals.
bool superseded(const RunDirectory& run, int number);

}  // namespace ditmill::jobs
