#pragma once

#include <cstdint>
#include <string>

#include "models/binding/component_reader.h"
#include "models/vae/wan_vae_dims.h"

namespace ditmill::models {

/// Adds the decoder's tensors (and post_quant_conv) to a table.
void add_wan_decoder_shapes(Shapes& shapes, const WanVaeDims& dims);
/// Adds the encoder's tensors (and quant_conv) to a table.
void add_wan_encoder_shapes(Shapes& shapes, const WanVaeDims& dims);

}  // namespace ditmill::models
