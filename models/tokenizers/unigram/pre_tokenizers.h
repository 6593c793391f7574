#pragma once

#include <memory>
#include <vector>

#include "models/tokenizers/unigram/json_field.h"
#include "models/tokenizers/unigram/normalized_text.h"

namespace ditmill::models {

/// One pre-tokeniser of a tokenizer.json: cuts texts into those that the model sees.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// What becomes of a text that is not empty, in order; none of it is empty.
  virtual std::vector<NormalizedText> split(NormalizedText text) const = 0;
};

/// From what tokenizer.json says: Metaspace, WhitespaceSplit or Sequence. Throws Error(unsupported) for
/// others, Error(bad_input) for fields that are missing or wrong.
std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const JsonField& description);

}  // namespace ditmill::models
