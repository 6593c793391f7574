#pragma once

#include "registry/formats/torch/pth.h"

namespace ditmill::registry {

/// Reads a zip archive of torch.save: `<folder>/data.pkl`, `version` (1 to 10), `byteorder` (little, or
/// absent), and a stored member `data/<key>` for each storage. Throws as read_pth_header().
PthHeader read_pth_archive(const ByteSource& source);

}  // namespace ditmill::registry
