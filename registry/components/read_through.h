#pragma once

#include <cstdint>

#include "registry/components/load_report.h"

namespace ditmill::registry {

/// Reads every byte of a component's tensors once, 4 MiB at a time, but for tensors that no layer takes;
/// views of the same bytes are read together. Nothing is kept: what is tested is that the bytes are there.
/// Throws Error: io naming file and offset for bytes that cannot be read, bad_input for a file that has
/// changed since its header was read.
ReadThrough read_through(const LoadedComponent& one);

}  // namespace ditmill::registry
