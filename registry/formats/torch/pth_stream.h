#pragma once

#include "registry/formats/torch/pth.h"

namespace ditmill::registry {

/// Reads a legacy stream of torch.save: pickles of the magic number, the protocol (1001), the system's
/// properties (little-endian), the object and the list of storage keys; then each storage as its count of
/// elements, 8 bytes, and its bytes, to the end of the file. Throws as read_pth_header().
PthHeader read_pth_stream(const ByteSource& source);

}  // namespace ditmill::registry
