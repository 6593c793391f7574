#pragma once

#include <cstdint>

#include "dist/comm/communicator.h"

namespace ditmill::jobs::bench {

/// Over all ranks, on each. Collective.
std::uint64_t most_of(const dist::Communicator& world, std::uint64_t value);
double most_of(const dist::Communicator& world, double seconds);
/// On rank 0. Collective.
std::uint64_t sum_of(const dist::Communicator& world, std::uint64_t value);

}  // namespace ditmill::jobs::bench
