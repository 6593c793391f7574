#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/tokenizer.h"

namespace ditmill::models {

/// UMT5's tokenizer, from the bytes of spiece.model alone. Ids are those of the `tokenizers` library on the
/// published tokenizer.json:
/// - Control, unknown and user-defined pieces (`</s>`, `<pad>`, ...) inside a text become their ids, the
/// longest
///   first; each stretch between them is tokenised as a text of its own, and white space before them stays.
/// - A model without sentinels of its own gets UMT5's 300 behind its pieces: `<extra_id_299>` first.
/// - Characters outside the vocabulary become byte pieces, where the model has them.
class SentencePieceTokenizer final : public Tokenizer {
 public:
  /// Throws Error(bad_input) for bytes that are no unigram model with an end-of-text piece.
  explicit SentencePieceTokenizer(const std::string& model_bytes);
  ~SentencePieceTokenizer() override;
  SentencePieceTokenizer(SentencePieceTokenizer&&) noexcept;
  SentencePieceTokenizer& operator=(SentencePieceTokenizer&&) noexcept;

  std::vector<int> encode(std::string_view cleaned_text, int max_tokens) const override;
  int vocabulary() const noexcept override;
  int pad_id() const noexcept override;

 private:
  class Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace ditmill::models
