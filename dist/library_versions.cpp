#include "dist/library_versions.h"

#include <torch/headeronly/version.h>

#include "dist/comm/mpi.h"
#include "dist/comm/nccl.h"

namespace ditmill::dist {

std::map<std::string, std::string> library_versions() {
  std::map<std::string, std::string> versions{{"mpi", MpiSession::library_version()},
                                              {"torch", TORCH_VERSION}};
  const CudaLibraries cuda = cuda_libraries();
  if (!cuda.nccl.empty()) versions["nccl"] = cuda.nccl;
  if (!cuda.runtime.empty()) {
    versions["cuda"] = cuda.runtime;
    versions["cuda_devices"] = std::to_string(cuda.devices);
  }
  return versions;
}

}  // namespace ditmill::dist
