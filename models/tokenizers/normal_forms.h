#pragma once

#include "models/tokenizers/normalized_text.h"

namespace ditmill::models {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Unicode's normal form of a text, as of Unicode 12.0.
NormalizedText to_normal_form(const NormalizedText& text, NormalForm form);

}  // namespace ditmill::models
