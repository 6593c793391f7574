#pragma once

#include "dist/comm/communicator.h"
#include "dist/liveness/rank_state.h"

namespace ditmill::jobs::bench {

/// Publishes the states of a measurement's ranks in a folder for temporary files, that of the launcher's
/// session if it has one, so that a rank that dies can be named. Where that cannot be, it is a warning.
/// Collective.
void publish_state(const dist::Communicator& world, dist::RankState& state);

}  // namespace ditmill::jobs::bench
