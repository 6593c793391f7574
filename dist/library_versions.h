#pragma once

#include <map>
#include <string>

namespace ditmill::dist {

/// The libraries that can change a result, by name (mpi, torch, nccl, cuda, cuda_devices), for the config
/// dump. Those that this build has not are absent. MPI need not be initialised.
std::map<std::string, std::string> library_versions();

}  // namespace ditmill::dist
