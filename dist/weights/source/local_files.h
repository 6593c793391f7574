#pragma once

#include <memory>
#include <vector>

#include "dist/plan/plan.h"
#include "dist/weights/source/file_map.h"
#include "dist/weights/source/planned_files.h"

namespace ditmill::dist {

/// The files of a plan, mapped, where all are this machine's; else none.
std::vector<std::shared_ptr<const FileMap>> map_local(const ComponentPlan& plan, const Sources& sources);
/// Whether all of them are in the page cache.
bool are_cached(const std::vector<std::shared_ptr<const FileMap>>& maps);
/// The files of a plan as the page cache has them, where all are this machine's and cached; else none.
std::vector<std::shared_ptr<const FileMap>> map_cached(const ComponentPlan& plan, const Sources& sources);

/// Has files that are on this machine's disks read past the page cache, where they can be.
void read_past_cache(Sources& sources);

}  // namespace ditmill::dist
