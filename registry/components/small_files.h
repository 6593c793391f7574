#pragma once

#include "registry/components/load_report.h"

namespace ditmill::registry {

/// Reads what a component without weights has: its configuration, and that its other JSON files parse. Adds a
/// finding if what its type needs is not there. Throws Error for a file that cannot be read or parsed.
void read_small_files(LoadedComponent& one);

}  // namespace ditmill::registry
