#pragma once

#include <string>

#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/pilot/pilot.h"

namespace ditmill::jobs::plan {

/// What a pilot prints: seconds an item by size and stage, and what the whole list would take with its
/// layout; `items` are those of the list.
std::string pilot_text(const Pilot& pilot, const PreparedJob& job, const requests::ItemList& items);

/// "12.3 s", "4m05s", "3h07m", "2d03h"
std::string wall_text(double seconds);
/// "832x480x81"
std::string size_name(int width, int height, int frames);
/// "GPU" where items were made on one, else "rank": what an hour of the job is paid for.
std::string paid_unit(const PilotLayout& layout);

}  // namespace ditmill::jobs::plan
