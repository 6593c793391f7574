#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include "configs/error.h"
#include "dist/device.h"

namespace ditmill::dist {
namespace {

constexpr const char* doing = "choose a device";

void check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // CUDA would report it again to the next caller
  throw Error{
      Category::device, what, {}, Expected{"a CUDA device that answers"}, Got{cudaGetErrorString(code)}};
}

/// The number of CUDA devices, and why there is none where there is none.
struct Devices {
  int count = 0;
  std::string why;
};

Devices count_devices() {
  Devices devices;
  const cudaError_t code = cudaGetDeviceCount(&devices.count);
  if (code == cudaSuccess && devices.count > 0) return devices;
  cudaGetLastError();
  return {0, code == cudaSuccess ? "no device" : cudaGetErrorString(code)};
}

/// Registers LibTorch's CUDA kernels. It stays loaded: what it registers must not go.
void load_kernels() {
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
  const char* why = ::dlerror();
  throw Error{Category::device,
              doing,
              Where{.file = "libtorch_cuda.so"},
              Expected{"LibTorch's CUDA part"},
              Got{why == nullptr ? "it does not load" : why},
              "./setup build installs it; --device cpu does without"};
}

}  // namespace

at::Device choose_device(DeviceChoice wanted, int local_rank) {
  if (wanted == DeviceChoice::cpu) return at::kCPU;
  const Devices devices = count_devices();
  if (devices.count == 0) {
    if (wanted == DeviceChoice::automatic) return at::kCPU;
    throw Error{Category::device,
                doing,
                {},
                Expected{"a CUDA device, as --device cuda asks for"},
                Got{devices.why},
                "start on a node with GPUs (sbatch --gpus-per-node), or use --device cpu"};
  }
  load_kernels();
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(local_rank % devices.count));
  check(cudaSetDevice(device.index()), doing);
  c10::impl::getDeviceGuardImpl(at::kCUDA)->setDevice(device);
  // float32 is float32: cuDNN would round what convolutions multiply to 10 bits.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  return device;
}

std::string describe_device(const at::Device& device) {
  if (!device.is_cuda()) return device.str();
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device.index()), "describe a device");
  return std::string{properties.name} + " (" + device.str() + ")";
}

std::uint64_t free_memory(const at::Device& device) {
  if (!device.is_cuda()) return 0;
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaSetDevice(device.index()), "ask a device for its memory");
  check(cudaMemGetInfo(&free, &total), "ask a device for its memory");
  return free;
}

}  // namespace ditmill::dist
