#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "jobs/bench/step_setup.h"

namespace ditmill::jobs::bench {

/// The transformer's forward pass beside that of diffusers' class of its config.json, in a Python process
/// (bench_peer.py): the same weights and inputs, the same threads, one of ours and one of theirs in turn.
/// Throws Error(not_found) where Python lacks diffusers, and Error(numeric) if the results are further apart
/// than 2e-5 (float32) or 2e-2 (bfloat16): what computes something else is not timed.
nlohmann::json measure_peer(const StepSetup& setup, const BenchStepOptions& options,
                            const at::Device& device);
/// What it returns, for people.
std::string peer_table(const nlohmann::json& report);

}  // namespace ditmill::jobs::bench
