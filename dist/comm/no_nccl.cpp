#include "configs/error.h"
#include "dist/comm/nccl.h"

namespace ditmill::dist {

CudaLibraries cuda_libraries() { return {}; }

Communicator nccl_communicator(const Communicator& /*host*/, const at::Device& device) {
  throw Error{Category::device,
              "connect GPUs by NCCL",
              {},
              Expected{"a build with NCCL, for tensors on " + device.str()},
              Got{"one without: nvcc or NCCL was not found when it was configured"},
              "./setup build --preset cuda says what is missing; --device cpu does without"};
}

}  // namespace ditmill::dist
