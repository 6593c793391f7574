#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "models/cpu_kind.h"

namespace ditmill::models {

/// Peak bytes of activations on a rank, from above, while one latent is decoded by all ranks of a group,
/// whole or in tiles, with the frames that come out: those of the group's first rank, which are all of them.
/// Which workspaces convolutions take is the CPU's matter.
std::uint64_t wan_decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const CpuKind& cpu,
                               const configs::Request& request,
                               const std::optional<configs::VaeTiling>& tiling = {},
                               const configs::ParallelConfig& parallel = {});

}  // namespace ditmill::models
