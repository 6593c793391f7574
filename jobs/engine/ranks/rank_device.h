#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <string>

#include "dist/comm/communicator.h"

namespace ditmill::jobs::engine {

/// What this rank computes on, for --device auto, cpu or cuda. Collective; throws the agreed Error(device).
at::Device choose_rank_device(const dist::Communicator& world, const std::string& option);

/// What a ParallelContext makes the carriers of tensors on this device with: NCCL's communicators on a GPU,
/// none on the host.
std::function<dist::Communicator(const dist::Communicator&)> tensor_carrier(const at::Device& device);

}  // namespace ditmill::jobs::engine
