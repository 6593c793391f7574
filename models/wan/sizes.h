#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "models/family.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// The transformer's hyper-parameters, with what the model's VAE says; where there is none, 2.2's of 48
/// channels, else 2.1's.
Dims dims_of(const HyperParameters& all, std::string_view transformer = "transformer");

/// What Wan refuses of width, height (multiples of a patch's pixels: 16, or 32 with VAE 2.2) and frames
/// (4k+1), a problem a field; `nearest` holds the nearest value that is taken.
std::vector<Problem> check_sizes(const Dims& dims, const configs::Request& request);

/// Channels, frames, height and width of a request's latent, without what it is conditioned on. Throws
/// Error(bad_input) if the latent has more positions along an axis than the transformer's RoPE.
std::array<std::int64_t, 4> latent_shape(const Dims& dims, const configs::Request& request);

/// Peak bytes of activations of one item on a rank while it is denoised, from above: what lives inside a
/// block, what ranks exchange, and the latents of the clips that are in flight at once. Blocks that fsdp
/// gathers are weights, and not in it.
std::uint64_t denoise_bytes(const Dims& dims, configs::Dtype dtype, const configs::Request& request,
                            const configs::ParallelConfig& parallel = {});

}  // namespace ditmill::models::wan
