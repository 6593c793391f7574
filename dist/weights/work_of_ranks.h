#pragma once

#include "dist/comm/communicator.h"
#include "dist/weights/source/load_work.h"

namespace ditmill::dist {

/// What all ranks did, on rank 0 (elsewhere something): bytes of all together, seconds of the rank that had
/// most of each. Collective.
LoadWork work_of_ranks(const Communicator& comm, const LoadWork& mine);

}  // namespace ditmill::dist
