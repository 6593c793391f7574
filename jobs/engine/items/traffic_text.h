#pragma once

#include <string>

#include "dist/comm/communicator.h"
#include "dist/parallel_context.h"

namespace ditmill::jobs::engine {

/// What the ranks of all groups said to each other while they worked for so many seconds, by purpose: bytes
/// that the busiest rank gave, time that the slowest waited, and the share of the time under way that was
/// hidden behind its work; for pipeline stages the bubble. On rank 0; empty elsewhere, and where groups are
/// of one rank. Collective.
std::string traffic_text(const dist::Communicator& comm, const dist::ParallelContext& parallel,
                         double seconds);

}  // namespace ditmill::jobs::engine
