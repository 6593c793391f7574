#pragma once

#include <memory>

#include "models/tokenizers/unigram/json_field.h"
#include "models/tokenizers/unigram/normalized_text.h"

namespace ditmill::models {

/// One normaliser of a tokenizer.json: what it does to a text.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalizedText& text) const = 0;
};

/// From what tokenizer.json says: Sequence, Precompiled, Replace, Strip, Prepend, Lowercase, NFC, NFD, NFKC
/// or NFKD. Throws Error(unsupported) for others, Error(bad_input) for fields that are missing or wrong.
std::unique_ptr<const Normalizer> make_normalizer(const JsonField& description);

}  // namespace ditmill::models
