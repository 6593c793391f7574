#pragma once

#include <memory>

#include "models/generator.h"

namespace ditmill::models {

/// UMT5 on the weights of "text_encoder", and the model's tokenizer: texts become "text" [tokens, width].
/// Takes the weights out of the model.
std::unique_ptr<TextEncoder> make_umt5_text_encoder(LoadedModel& model,
                                                    const dist::ParallelContext& parallel);

}  // namespace ditmill::models
