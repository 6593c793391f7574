#pragma once

#include <c10/core/Device.h>

#include <string>

#include "dist/comm/communicator.h"

namespace ditmill::jobs {

/// What this rank computes on, for --device auto, cpu or cuda. Collective; throws the agreed Error(device).
at::Device choose_rank_device(const dist::Communicator& world, const std::string& option);

}  // namespace ditmill::jobs
