#pragma once

#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::jobs::bench::doctor {

/// Rounds in which each of so many nodes meets each other one once: n - 1, or n if that is odd.
int rounds_of(int nodes);
/// Whom a node meets in a round; none (-1) in the round that it sits out.
int partner_of(int node, int round, int nodes);

/// What this rank and each of the others give each other at once, MB/s each way: the best of several
/// exchanges. In each round disjoint pairs are at work; where the rounds do not fit into `seconds` only so
/// many are played, and the rest stays 0. Collective.
std::vector<double> measure_pairs(const dist::Communicator& nodes, double seconds);

/// Seconds that this rank's clock is ahead of rank 0's: by the quickest of several questions. Collective.
double clock_offset(const dist::Communicator& nodes);

}  // namespace ditmill::jobs::bench::doctor
