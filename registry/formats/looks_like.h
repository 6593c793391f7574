#pragma once

#include <string>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// What a file that is no safetensors file seems to be, as a hint what to do about it; empty if it is not
/// known.
std::string looks_like(const ByteSource& source);

}  // namespace ditmill::registry
