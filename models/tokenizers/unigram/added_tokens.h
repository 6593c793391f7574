#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/special_tokens.h"
#include "models/tokenizers/unigram/normalized_text.h"
#include "models/tokenizers/unigram/normalizers.h"
#include "models/tokenizers/unigram/tokenizer_json.h"
#include "models/tokenizers/unigram/unigram_model.h"

namespace ditmill::models {

/// A stretch of a text: a token already, or still to be tokenised.
struct TextPart {
  NormalizedText text;
  std::optional<int> id = {};
};

/// The added tokens of a tokenizer.json. A token that is a piece of the model has the piece's id, others get
/// the ids behind the pieces in the order of the file (what the file calls their ids does not count).
class AddedTokens {
 public:
  /// Of tokens that look the same once normalised the one with the smallest id counts (the library takes
  /// any). Throws Error(unsupported) for one that vanishes (the library then cuts texts inside characters).
  AddedTokens(const std::vector<TokenizerJson::AddedToken>& tokens, const UnigramModel& model,
              const Normalizer* normalizer);

  /// Cuts the tokens out of a text that is not normalised, normalises what is between, and cuts those out
  /// that are looked for in normalised texts.
  std::vector<TextPart> split(const NormalizedText& text) const;
  /// The id of an added token.
  std::optional<int> find(std::string_view content) const noexcept;
  int largest_id() const noexcept;

 private:
  struct Flags {
    bool single_word, lstrip, rstrip;
  };

  void add(const TokenizerJson::AddedToken& token, int id);
  void cut(const NormalizedText& whole, const SpecialTokens& tokens, std::vector<TextPart>& parts) const;

  const Normalizer* normalizer_;
  SpecialTokens plain_;
  SpecialTokens normalized_;
  std::map<int, Flags> flags_;  ///< by id
  std::map<std::string, int, std::less<>> ids_;
};

}  // namespace ditmill::models
