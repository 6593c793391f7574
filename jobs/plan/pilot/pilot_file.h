#pragma once

#include <optional>
#include <string>

#include "jobs/plan/pilot/pilot.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::plan {

nlohmann::json to_json(const Pilot& pilot);
/// Writes RUN/pilot.json, whole or not at all. Throws Error: io, no_space.
void write_pilot_file(const results::RunDirectory& run, const Pilot& pilot);
/// Reads it back; none if there is none. Throws Error: bad_input (not what write_pilot_file() writes), io.
std::optional<Pilot> read_pilot_file(const results::RunDirectory& run);

}  // namespace ditmill::jobs::plan
