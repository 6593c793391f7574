#pragma once

#include "models/tokenizers/unigram/normalized_text.h"

namespace ditmill::models {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Makes a text its normal form, as of Unicode 12.0.
void to_normal_form(NormalizedText& text, NormalForm form);

}  // namespace ditmill::models
