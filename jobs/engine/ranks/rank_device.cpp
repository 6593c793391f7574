#include "jobs/engine/ranks/rank_device.h"

#include <spdlog/spdlog.h>

#include "dist/comm/agree.h"
#include "dist/comm/nccl.h"
#include "dist/device.h"
#include "jobs/engine/ranks/threads.h"

namespace ditmill::jobs::engine {

at::Device choose_rank_device(const dist::Communicator& world, const std::string& option) {
  const auto wanted = option == "cuda"  ? dist::DeviceChoice::cuda
                      : option == "cpu" ? dist::DeviceChoice::cpu
                                        : dist::DeviceChoice::automatic;
  const int local = local_rank(world);
  at::Device device = at::kCPU;
  dist::agree(world, [&] {
    device = dist::choose_device(wanted, local);
    spdlog::debug("computes on {}", dist::describe_device(device));
  });
  return device;
}

std::function<dist::Communicator(const dist::Communicator&)> tensor_carrier(const at::Device& device) {
  if (!device.is_cuda()) return {};
  return [device](const dist::Communicator& host) { return dist::nccl_communicator(host, device); };
}

}  // namespace ditmill::jobs::engine
