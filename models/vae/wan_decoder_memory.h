#pragma once

#include <cstdint>

#include "configs/pipeline_config.h"
#include "models/cpu_kind.h"
#include "models/vae/wan_vae_dims.h"

namespace ditmill::models {

/// Latents that a WanDecoder makes pixels of at once: whole pictures, a tile, or a slab of them.
struct DecodedLatents {
  std::uint64_t frames = 0;
  std::uint64_t height = 0;  ///< latent pixels
  std::uint64_t width = 0;
  bool slab = false;  ///< neighbours' rows come in
};

/// The most bytes that the layers hold while those are decoded, what is kept from chunk to chunk among them;
/// without the pixels that come out. It follows the operators one by one, as they stand in wan_vae_layers,
/// wan_upsampler, wan_shortcuts and causal_conv: from above, by less than a quarter where it matters.
std::uint64_t wan_decoder_bytes(const WanVaeDims& dims, configs::Dtype dtype, const DecodedLatents& latents,
                                const CpuKind& cpu);

}  // namespace ditmill::models
