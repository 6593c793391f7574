#include "configs/error.h"
#include "dist/device.h"

namespace ditmill::dist {

at::Device choose_device(DeviceChoice wanted, int /*local_rank*/) {
  if (wanted != DeviceChoice::cuda) return at::kCPU;
  throw Error{Category::device,
              "choose a device",
              {},
              Expected{"a build with CUDA, as --device cuda asks for"},
              Got{"one without: nvcc or NCCL was not found when it was configured"},
              "./setup build --preset cuda says what is missing; --device cpu does without"};
}

std::string describe_device(const at::Device& device) { return device.str(); }

std::uint64_t free_memory(const at::Device& /*device*/) { return 0; }

}  // namespace ditmill::dist
