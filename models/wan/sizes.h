#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "models/cpu_kind.h"
#include "models/family.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// What Wan refuses of width, height (multiples of 16) and frames (4k+1), a problem a field;
/// `nearest` holds the nearest value that is taken.
std::vector<Problem> check_sizes(const configs::Request& request);

/// Channels, frames, height and width of a request's latent. Throws Error(bad_input) if the latent has more
/// positions along an axis than the transformer's RoPE.
std::array<std::int64_t, 4> latent_shape(const Dims& dims, const configs::Request& request);

/// Peak bytes of activations of one item on a rank while it is denoised, from above: what lives inside a
/// block, what ranks exchange, and the latents of the clips that are in flight at once. Blocks that fsdp
/// gathers are weights, and not in it.
std::uint64_t denoise_bytes(const Dims& dims, configs::Dtype dtype, const configs::Request& request,
                            const configs::ParallelConfig& parallel = {});
/// The same while one text is encoded by UMT5.
std::uint64_t encode_bytes(const nlohmann::json& umt5, configs::Dtype dtype,
                           const configs::ParallelConfig& parallel = {});
/// The same while one latent is decoded by all ranks of a group, whole or in tiles, with the frames that come
/// out: those of the group's first rank, which are all of them. Which workspaces convolutions take is the
/// CPU's matter.
std::uint64_t decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const CpuKind& cpu,
                           const configs::Request& request,
                           const std::optional<configs::VaeTiling>& tiling = {},
                           const configs::ParallelConfig& parallel = {});
/// Bytes of a text's embedding: a token a byte and two more (the leading space, the end), at most
/// text_tokens.
std::uint64_t embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text);

}  // namespace ditmill::models::wan
