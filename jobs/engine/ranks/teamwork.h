#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "configs/error.h"
#include "dist/liveness/rank_state.h"

namespace ditmill::jobs::engine {

/// What work on a rank says to the world outside.
struct GroupSeams {
  dist::Tell tell;                                             ///< what is being done
  dist::Tell wait;                                             ///< what other ranks are waited for with
  std::function<void(const Error&)> abandon;                   ///< ends all ranks
  std::function<void(std::span<const std::string> ids)> hold;  ///< what is in hand from now on
};

/// Runs what the ranks of a team do together: if `step` fails for a reason that follows from its input
/// (Scope::item), it fails on all of them alike, and its error is returned. What one of several ranks may
/// meet alone (memory, a communicator, a bug) would leave the others waiting for it: `abandon` ends all
/// ranks.
std::optional<Error> run_together(int ranks, const std::function<void()>& step,
                                  const std::function<void(const Error&)>& abandon);

}  // namespace ditmill::jobs::engine
