#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "dist/mesh.h"
#include "jobs/plan/bind/prepared_job.h"

namespace ditmill::jobs::plan {

/// What loading a job moves, from headers: bytes of files that each rank needs, and bytes over the links
/// between machines by the strategy of the manifest; what of each component comes and goes (offload), and how
/// often. A machine has `ranks_per_machine` ranks; 0: there is one machine.
///
/// {strategy, certain (false: `auto` may choose otherwise), machines, files_bytes, read_bytes, link_bytes,
/// ranks: [needs_bytes], offload: [{component, type, whole, pieces, bytes, read_bytes, times_an_item}]};
/// read_bytes: from storage by all machines, link_bytes: into the machine that gets most from others.
nlohmann::json forecast_load(const PreparedJob& job, const dist::Mesh& mesh, int ranks_per_machine);
/// The same for people: a line, and one for each component that comes and goes.
std::string load_text(const nlohmann::json& forecast);

}  // namespace ditmill::jobs::plan
