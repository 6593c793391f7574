#pragma once

#include <c10/core/Device.h>

#include <string>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// What this build was linked with, for provenance. Without CUDA parts: empty texts and 0 devices.
struct CudaLibraries {
  std::string nccl;     ///< "2.28.9"
  std::string runtime;  ///< "13.0"
  int devices = 0;      ///< seen on this machine; 0 without a GPU or its driver
};
CudaLibraries cuda_libraries();

/// The ranks of `host` again, for tensors on CUDA devices, one rank a device (from choose_device()): what
/// ParallelContext asks `carry` for. It has exchange(), rank() and size(); whatever else it is asked throws
/// Error(internal): host bytes travel by `host`, which is used in here only.
///
/// exchange() waits on the host for the first exchange with a rank (both connect), afterwards for the launch
/// only. On the device it runs on a stream of its own, and holds up later exchanges of this communicator
/// until the other rank has come to it: what two ranks give each other at once has to be in one exchange().
/// Exchanges of several communicators that overlap are started in the same order by all ranks, in processes
/// with NCCL_LAUNCH_ORDER_IMPLICIT=1.
/// wait() makes the thread's current stream wait, not the host. It tells what NCCL has met so far, and the
/// time in flight of exchanges that have ended by then.
///
/// Collective on `host`. Throws the agreed Error: device where there is none or the build has no CUDA parts;
/// usage where two ranks share a device; communication with NCCL's words, also when connecting takes minutes.
Communicator nccl_communicator(const Communicator& host, const at::Device& device);

}  // namespace ditmill::dist
