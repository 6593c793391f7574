#pragma once

#include <string>

#include "jobs/export/image.h"

namespace ditmill::jobs {

/// Writes a PNG file; it appears whole or not at all. Throws Error: io, no_space.
void write_png(const Image& image, const std::string& path);

}  // namespace ditmill::jobs
