#pragma once

#include "dist/plan/places.h"
#include "dist/weights/tensors/assembler.h"

namespace ditmill::dist {

/// Has an assembler make all tensors of a rank in one memory of its own (TensorMemory::own()), whose pages
/// are huge where the system has them: small ones take longer to be made than to be copied to. The memory is
/// given back with the last of the tensors. Throws Error(memory).
Destination in_own_memory(const Places& places);

}  // namespace ditmill::dist
