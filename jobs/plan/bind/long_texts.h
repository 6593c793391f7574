#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "configs/error.h"
#include "jobs/plan/manifest/manifest.h"
#include "models/family.h"
#include "models/text/tokenizer.h"

namespace ditmill::jobs::plan {

/// What is to be said of items of which a text that is encoded has more tokens than the `most` that the text
/// encoder takes, and so is cut: a warning of each kind, with the first ids. Only texts that can be too long
/// are tokenised, each once.
std::vector<Problem> long_text_warnings(const Manifest& manifest, const models::Tokenizer& tokenizer,
                                        std::span<const models::Encoding> encodings, std::int64_t most);

}  // namespace ditmill::jobs::plan
