#pragma once

#include <string>
#include <vector>

namespace ditmill::jobs::plan {

/// What differs between two frozen manifests, a line each: "output.compression: none, now gzip". Items
/// written in the manifest are left out: requests.jsonl tells of them.
std::vector<std::string> manifest_changes(const std::string& before, const std::string& after);

}  // namespace ditmill::jobs::plan
