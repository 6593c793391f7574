#pragma once

#include <vector>

#include "models/tokenizers/unigram/json_field.h"

namespace ditmill::models {

/// The tokens that go around a text's own.
struct TokenTemplate {
  std::vector<int> before;
  std::vector<int> behind;
};

/// What a TemplateProcessing of tokenizer.json does to a single text. Throws Error(unsupported) for another
/// kind of post-processor and for a template that does not use its text just once, Error(bad_input) for
/// fields that are missing or wrong.
TokenTemplate read_template(const JsonField& description);

}  // namespace ditmill::models
