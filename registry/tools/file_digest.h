#pragma once

#include <span>
#include <string>
#include <vector>

#include "registry/formats/digest_record.h"

namespace ditmill::registry {

/// Reads a file once and makes its digests; a thread beside this one reads ahead, two buffers of 4 MiB.
/// Throws as open_file().
DigestedFile digest_whole_file(const std::string& path);
/// Of several, as many at a time as there are cores. In the order of `paths`; throws the first one's Error.
std::vector<DigestedFile> digest_files(std::span<const std::string> paths);

}  // namespace ditmill::registry
