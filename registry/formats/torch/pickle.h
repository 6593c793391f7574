#pragma once

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_object.h"

namespace ditmill::registry {

/// Interprets a pickle of protocol 2 to 5 without executing anything: globals are words of a closed list
/// (pickle_globals.h), and what torch would call is checked and noted. Every tensor fits the storage that its
/// id describes. Refuses every other global by name, opcodes that no state dict needs, misuse of stack or
/// memo, nesting over 200, over 1,000,000 elements of containers, bytes behind STOP. Draws from `memory`
/// only. The bytes must be under 4 GiB. Throws Error(bad_input) with the offset in the file.
PickleObject read_pickle(PickleInput input, BoundedMemory& memory);

}  // namespace ditmill::registry
