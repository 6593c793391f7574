#pragma once

#include <string>

#include "jobs/results/export/picture.h"

namespace ditmill::jobs::results {

/// The picture as a JPEG file's bytes; quality 1 .. 100, colours at half the resolution. The same arguments
/// give the same bytes. Throws Error: internal if its bytes do not fit its size or it has over 65500 pixels a
/// side, memory.
std::string jpeg_bytes(const Picture& picture, int quality);

}  // namespace ditmill::jobs::results
