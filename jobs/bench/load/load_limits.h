#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "dist/plan/plan.h"
#include "dist/weights/nodes.h"

namespace ditmill::jobs::bench {

/// What a machine gives to the ranks on it together, bytes a second; 0: not measured.
struct LoadLimits {
  double memcpy = 0;         ///< between touched buffers
  double touch = 0;          ///< fresh memory of ranks, in huge pages where the system has them
  double touch_shared = 0;   ///< fresh memory that ranks share, each looking at all of it
  double map = 0;            ///< pages of cached files to all ranks' page tables, bytes of the file
  double look = 0;           ///< at a byte of each page that is mapped
  double read_hot = 0;       ///< pread of what is cached
  double read_cold = 0;      ///< past the page cache, by one machine alone
  double read_together = 0;  ///< and by all machines at once, the sum of what they get
  double link = 0;           ///< between two machines, one way
  double hash = 0;           ///< XXH3-128
};
nlohmann::json to_json(const LoadLimits& limits);

/// Measures all of them on the files of a plan, in the best of a few rounds. `cold`: also the storage, and
/// all on as much of the files as that gives in a second or so. Collective.
LoadLimits probe_limits(const dist::Nodes& nodes, const dist::ComponentPlan& plan, bool cold);

/// Looks at a byte of every page, from the first on.
void look_at(std::span<const std::byte> bytes, std::size_t first = 0) noexcept;

/// Drops the files of a plan from this machine's page cache. Throws Error(io) if the system keeps them.
void drop_from_cache(const dist::ComponentPlan& plan);

}  // namespace ditmill::jobs::bench
