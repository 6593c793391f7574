#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// From a cleaned text to the ids of its tokens.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The ids of a text, the end of text last, at most `max_tokens` (1 or more) of them with it; not padded.
  virtual std::vector<int> encode(std::string_view text, int max_tokens) const = 0;
  /// How many ids the whole text has, the end of text with them.
  std::size_t count(std::string_view text) const;
  /// One more than the largest id there is.
  virtual int vocabulary() const noexcept = 0;
  /// What fills up a text that is too short.
  virtual int pad_id() const noexcept = 0;
};

/// A text's ids filled up at its end, and 1 for each of its own, 0 for what fills.
struct PaddedIds {
  std::vector<int> ids;
  std::vector<int> attention_mask;
};

/// `ids` filled up with `pad_id` to `length`; longer ones stay as they are.
PaddedIds pad(std::vector<int> ids, int length, int pad_id);

}  // namespace ditmill::models
