#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/tokenizer.h"
#include "models/tokenizers/unigram/added_tokens.h"
#include "models/tokenizers/unigram/normalizers.h"
#include "models/tokenizers/unigram/pre_tokenizers.h"
#include "models/tokenizers/unigram/template.h"
#include "models/tokenizers/unigram/tokenizer_json.h"
#include "models/tokenizers/unigram/unigram_model.h"

namespace ditmill::models {

/// A tokenizer.json with a Unigram model, as T5, mT5 and UMT5 publish it: the ids of the `tokenizers` library
/// 0.23.3 on that file, for every text. The truncation in the file does not count, the caller's does.
class UnigramTokenizer final : public Tokenizer {
 public:
  /// Throws Error(bad_input) or Error(unsupported), naming the byte or the field.
  explicit UnigramTokenizer(std::string_view json);

  /// As enable_truncation(max_tokens) has it: the text is cut, what the template adds stays. Bytes that are
  /// not UTF-8 count as U+FFFD.
  std::vector<int> encode(std::string_view text, int max_tokens) const override;
  int vocabulary() const noexcept override { return vocabulary_; }
  int pad_id() const noexcept override { return pad_id_; }

 private:
  explicit UnigramTokenizer(const TokenizerJson& file);

  std::unique_ptr<const Normalizer> normalizer_;       ///< may be null
  std::unique_ptr<const PreTokenizer> pre_tokenizer_;  ///< may be null
  UnigramModel model_;
  AddedTokens added_;
  TokenTemplate template_;
  int pad_id_ = 0;
  int vocabulary_ = 0;
};

}  // namespace ditmill::models
