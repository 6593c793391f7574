#pragma once

#include <span>
#include <string>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// The file in which digests of weights are looked for: in their folder, and in the one above it.
inline constexpr const char* digest_record_name = "digests.json";

/// The SHA-256 and the digest roots (64 digits each) of files, as far as `weights digest --write` has left
/// them in digests.json beside the weights. What a record says of a file of another size, or that has changed
/// since, does not count. Reads no weights. A record that cannot be read is a warning.
std::vector<std::string> remembered_digests(std::span<const WeightFile> files,
                                            std::vector<std::string>& warnings);

}  // namespace ditmill::registry
