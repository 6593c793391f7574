#pragma once

#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Which of these, of as many on every rank, any rank has marked: the same on all. Collective.
std::vector<bool> marked_anywhere(const Communicator& comm, const std::vector<bool>& mine);

}  // namespace ditmill::dist
