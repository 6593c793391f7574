#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/run/verify/damage.h"

namespace ditmill::jobs::run {

/// Where an item of that id is to be linked to: its part and its name there; none: not at all.
struct LinkTarget {
  std::string part;
  std::string item;
};
using TargetOf = std::function<std::optional<LinkTarget>(std::string_view id)>;

/// What came of results.h5.
struct IndexAudit {
  std::vector<Damage> damage;  ///< it cannot be read
  std::vector<std::string>
      stale;  ///< what it says that is not so (any more): it is derived, and can be rebuilt
};

/// Compares results.h5 with what the journals say: exactly `done` links, each to its target; and its
/// config_json with `config` (null: not known). Examined in a child process.
IndexAudit audit_index(const results::RunDirectory& run, std::size_t done, const TargetOf& target_of,
                       const nlohmann::json& config);

}  // namespace ditmill::jobs::run
