#pragma once

#include <functional>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Runs `body` on `ranks` threads of this process, each with the communicator of its rank, until all have
/// returned. If one throws, waits of the others throw Error(communication), and the first exception is thrown
/// here. For tests of parallel layers without a launcher; bytes are those that MPI's ranks would get.
void run_on_threads(int ranks, const std::function<void(const Communicator& world)>& body);

}  // namespace ditmill::dist
