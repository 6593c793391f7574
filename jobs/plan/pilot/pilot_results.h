#pragma once

#include <string>

#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/pilot/measure.h"

namespace ditmill::jobs::plan {

/// Ends a pilot, on rank 0, once its items are journaled: measures it, writes RUN/pilot.json and a contact
/// sheet RUN/pilot.png, and returns what is to be printed: pilot_text(), and a line on the sheet or why there
/// is none. `items` is the whole list. Where this start finished nothing, what an earlier pilot measured
/// stays, and is printed. Throws Error: usage (nothing was measured, now or earlier), bad_input, io,
/// no_space.
std::string write_pilot(const results::RunDirectory& run, const PilotFacts& facts, const PreparedJob& job,
                        const requests::ItemList& items);

}  // namespace ditmill::jobs::plan
