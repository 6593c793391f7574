#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "jobs/results/files/epoch_files.h"
#include "jobs/results/files/run_directory.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::run {

/// How long an epoch waits and how often it shows life (contracts.md); tests shorten it.
struct EpochLimits {
  std::chrono::milliseconds beat{2000};       ///< between heartbeats
  std::chrono::milliseconds stale{30'000};    ///< a heartbeat of that age is that of a dead owner
  std::chrono::milliseconds give_up{40'000};  ///< the longest wait for the previous owner
  std::chrono::milliseconds poll{250};        ///< between looks at the previous owner
};

/// Ownership of a run directory: one file epochs/NNNN.json a start, created with O_EXCL, whose mtime is the
/// owner's heartbeat while this object lives. When it goes, the mtime becomes 1970: the next start need not
/// wait.
class Epoch {
 public:
  /// Takes the next epoch. If the newest owner may be alive, waits until its pid and start time are gone on
  /// the same boot, its Slurm incarnation has ended, or its heartbeat is 30 s old; after 40 s throws
  /// Error(io) naming it. Reclaims what it left: temporary files.
  Epoch(results::RunDirectory run, const slurm::Allocation& allocation, EpochLimits limits = {});
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch();

  int number() const noexcept { return number_; }
  /// What earlier epochs had left unfinished and was removed, relative to the run directory: for the log.
  const std::vector<std::string>& reclaimed() const noexcept { return reclaimed_; }

 private:
  results::RunDirectory run_;
  int number_ = 0;
  std::vector<std::string> reclaimed_;
  std::jthread heartbeat_;
};

/// Who may be at work on a run directory ("pid 12 on node7"), by the rules that a start goes by, without
/// waiting and without writing where it must not; none if nobody is. Throws Error(io).
std::optional<std::string> live_owner(const results::RunDirectory& run, const slurm::Allocation& allocation,
                                      EpochLimits limits = {});
}  // namespace ditmill::jobs::run
