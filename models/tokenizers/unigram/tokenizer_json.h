#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// A tokenizer.json of the `tokenizers` library, read as far as its parts: what is in them is read by those
/// who do what they say.
struct TokenizerJson {
  struct AddedToken {
    std::string content;
    bool single_word = false;  ///< not inside a word
    bool lstrip = false;       ///< takes the white space before it with it
    bool rstrip = false;       ///< and the white space behind it
    bool normalized = false;   ///< looked for after the normaliser, in its normalised spelling
  };
  struct Unigram {
    std::vector<std::string> pieces;  ///< by id
    std::vector<double> scores;       ///< as long
    std::optional<int> unknown;       ///< an id of a piece
    bool byte_fallback = false;
  };

  std::vector<AddedToken> added_tokens;
  std::map<std::string, nlohmann::json>
      parts;  ///< normalizer, pre_tokenizer, post_processor, padding, truncation
  Unigram model;
};

/// Throws Error(bad_input) for what is no tokenizer.json, naming the byte or the field, and
/// Error(unsupported) for another model than Unigram, or another version of the format than 1.0.
TokenizerJson read_tokenizer_json(std::string_view bytes);

/// A JSON number as the library reads it, which is not always the nearest double; nothing for one that no
/// double holds. Precondition: `number` is a number of JSON.
std::optional<double> read_score(std::string_view number) noexcept;

}  // namespace ditmill::models
