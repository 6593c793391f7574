#pragma once

#include <string>

namespace ditmill::dist {

/// What this build was linked with, for provenance. Without CUDA parts: empty texts and 0 devices.
struct CudaLibraries {
  std::string nccl;     ///< "2.28.9"
  std::string runtime;  ///< "13.0"
  int devices = 0;      ///< seen on this machine; 0 without a GPU or its driver
};
CudaLibraries cuda_libraries();

}  // namespace ditmill::dist
