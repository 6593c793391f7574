#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// What Wan refuses of width, height (multiples of 16) and frames (4k+1), a problem a field;
/// `nearest` holds the nearest value that is taken.
std::vector<Problem> check_sizes(const configs::Request& request);

/// Channels, frames, height and width of a request's latent, without what it is conditioned on. Throws
/// Error(bad_input) if the latent has more positions along an axis than the transformer's RoPE.
std::array<std::int64_t, 4> latent_shape(const Dims& dims, const configs::Request& request);

/// Peak bytes of activations of one item on a rank while it is denoised, from above: what lives inside a
/// block, what ranks exchange, and the latents of the clips that are in flight at once. Blocks that fsdp
/// gathers are weights, and not in it.
std::uint64_t denoise_bytes(const Dims& dims, configs::Dtype dtype, const configs::Request& request,
                            const configs::ParallelConfig& parallel = {});

}  // namespace ditmill::models::wan
