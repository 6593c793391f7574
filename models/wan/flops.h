#pragma once

#include "models/family.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// With S tokens of width d, T = text_tokens, a block takes in one pass: 8 S d^2 for self-attention's four
/// projections and 4 S^2 d for its products; 4 S d^2 + 4 T d^2 and 4 S T d for cross-attention, and the same
/// of the I tokens of pictures but for two projections: 4 I d^2 and 4 S I d; 4 S d ffn_dim for the
/// feed-forward. A step is two passes where there is guidance. Throws Error as latent_shape() does.
DenoiseFlops denoise_flops(const Dims& dims, const configs::PipelineConfig& pipeline,
                           const configs::Request& request);

}  // namespace ditmill::models::wan
