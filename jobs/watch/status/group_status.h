#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dist/liveness/rank_state.h"
#include "jobs/watch/status/group_pace.h"

namespace ditmill::jobs::watch {

/// A dp group of the newest epoch, from what its ranks say and what its journal says.
struct GroupStatus {
  static constexpr double silence_s = 15;     ///< without a sign of life, while the run is alive
  static constexpr double slow_factor = 1.3;  ///< times the median of the groups' medians

  int group = 0;
  std::string host = {};                       ///< of its first rank; empty if no rank of it has left a state
  int rank = -1;                               ///< its first rank; -1 likewise
  int ranks = 0;                               ///< that have said they belong to it
  int hosts = 0;                               ///< that they are on
  std::optional<double> heartbeat_age_s = {};  ///< since the last sign of life of any of its ranks
  std::string doing = {};                      ///< in its first rank's words
  std::string items = {};                      ///< in hand: ids with commas between
  std::size_t done = 0;                        ///< in this epoch
  std::size_t failed = 0;                      ///< in this epoch
  std::optional<double> median_s = {};         ///< seconds an item, of the last ones
  double times_median = 0;                     ///< median_s beside that of the groups; 0: unknown
  bool slow = false;
  bool silent = false;
};

/// All groups, by number. `alive`: the run is at work, so that silence means something. Of an even number of
/// groups the lower middle one is the median: of two, the slower one can be told.
std::vector<GroupStatus> group_statuses(std::span<const dist::RankReport> ranks,
                                        const std::map<int, GroupPace>& paces, double now, bool alive);

}  // namespace ditmill::jobs::watch
