#pragma once

#include <vector>

#include "dist/plan/places.h"
#include "dist/plan/plan.h"

namespace ditmill::dist {

/// Of the chunks of schedule(plan), by number, those that have bytes of what is kept of the files' tensors.
/// `mine`: by target of `places`; empty: all.
std::vector<bool> needed_chunks(const ComponentPlan& plan, const Places& places,
                                const std::vector<bool>& mine = {});

/// Of the targets of `places`, those that have bytes of some chunks of schedule(plan), marked by number.
std::vector<bool> targets_of(const ComponentPlan& plan, const Places& places,
                             const std::vector<bool>& chunks);

}  // namespace ditmill::dist
