#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/run/verify/damage.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::run {

/// How far verify_run() is.
struct VerifyProgress {
  std::size_t parts = 0;
  std::uint64_t bytes = 0;
  std::size_t items = 0;
  std::size_t expected_items = 0;  ///< done ones
  std::size_t damage = 0;
};

/// What verify_run() found.
struct VerifyReport {
  std::size_t parts = 0;    ///< read
  std::uint64_t bytes = 0;  ///< of them
  std::size_t items = 0;    ///< of requests.jsonl
  std::size_t done = 0;
  std::vector<std::string> failed;  ///< ids
  std::vector<std::string> quarantined;
  std::vector<std::string> left;
  std::vector<Damage> damage;
  std::vector<std::string> cures;        ///< of the damage: cures()
  std::vector<std::string> stale_index;  ///< what results.h5 says that is not so: it can be rebuilt
  std::vector<std::string> leftovers;    ///< files that no journal names; the next start removes them
  std::vector<std::string> notes;        ///< torn tails, and whatever else is no damage

  /// 0: all there, all whole; 2: whole, but items (or links to them) are missing; 3: damage.
  int exit_code() const noexcept;
};

/// Reads every byte of a run and compares it with what is recorded of it: parts and their items
/// (audit_part()), journals line by line, requests.jsonl and manifest.yaml with config.json, every key with
/// its request, results.h5 with the journals. Two `done` of a key with different content are damage, too.
/// Memory: the list, the journals' state, and a part's items. A run may be at work meanwhile. Throws Error:
/// not_found (no run directory), io.
VerifyReport verify_run(const results::RunDirectory& run, const slurm::Allocation& allocation,
                        const std::function<void(const VerifyProgress&)>& progress);

}  // namespace ditmill::jobs::run
