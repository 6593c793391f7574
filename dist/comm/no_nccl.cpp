#include "dist/comm/nccl.h"

namespace ditmill::dist {

CudaLibraries cuda_libraries() { return {}; }

}  // namespace ditmill::dist
