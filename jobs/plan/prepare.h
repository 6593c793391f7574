#pragma once

#include <cstdint>
#include <vector>

#include "configs/error.h"
#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/run_options.h"

namespace ditmill::jobs::plan {

/// Reads the manifest (or the dump), the prompt list and the headers of the weights, and binds them together.
/// Everything wrong with what the user wrote is added to `problems`; throws Error for a manifest or model
/// that cannot be read, and where output.video is asked for and cannot be made on this machine.
PreparedJob prepare_job(const RunOptions& options, std::vector<Problem>& problems);

/// Bytes of embeddings that lie on disk beside them while the job runs, with offload: stages.
std::uint64_t spool_bytes(const PreparedJob& job);

}  // namespace ditmill::jobs::plan
