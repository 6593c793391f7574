#include "dist/comm/nccl.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

namespace ditmill::dist {

CudaLibraries cuda_libraries() {
  CudaLibraries libraries;
  int version = 0;
  if (ncclGetVersion(&version) == ncclSuccess) {
    libraries.nccl = std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
                     std::to_string(version % 100);
  }
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) {
    libraries.runtime = std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  }
  if (cudaGetDeviceCount(&libraries.devices) != cudaSuccess) {
    libraries.devices = 0;
    cudaGetLastError();  // CUDA would report it again to the next caller
  }
  return libraries;
}

}  // namespace ditmill::dist
