#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "models/tokenizers/unigram/normalized_text.h"

namespace ditmill::models {

/// The few regular expressions that tokenizers replace by: a row of characters, escapes (`\s`, `\n`, `\t`,
/// `\r`, `\.`, ...) and sets of them (`[ \t]`), each with a greedy `+`, `*`, `?`, `{n}`, `{n,}` or `{n,m}`;
/// at most two of them of more than one length, and not all of them optional.
class SimplePattern {
 public:
  /// None for an expression that is not of this kind.
  static std::optional<SimplePattern> parse(std::string_view expression);
  /// A pattern for a text itself (not empty).
  static SimplePattern literal(std::string_view text);

  /// Where it matches: from the left, as long as it can, without overlaps.
  std::vector<NormalizedText::Place> find_all(std::string_view text) const;

 private:
  struct Atom {
    std::vector<char32_t> characters;
    bool white_space = false;  ///< what Unicode calls so, too
    std::size_t least = 1;
    std::size_t most = 1;

    bool matches(char32_t c) const noexcept;
  };
  class Parser;

  std::optional<std::size_t> match(std::string_view text, std::size_t at, std::size_t atom) const;

  std::vector<Atom> atoms_;
};

}  // namespace ditmill::models
