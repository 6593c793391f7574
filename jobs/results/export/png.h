#pragma once

#include <string>

#include "jobs/results/export/picture.h"

namespace ditmill::jobs::results {

/// The picture as a PNG file's bytes (8-bit RGB). Throws Error(internal) if its bytes do not fit its size.
std::string png_bytes(const Picture& picture);
/// Writes a PNG file over whatever is there. Throws Error: io, no_space, not_found (no such folder).
void write_png(const std::string& path, const Picture& picture);

}  // namespace ditmill::jobs::results
