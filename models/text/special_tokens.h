#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// Tokens that are cut out of a text before anything else looks at it.
class SpecialTokens {
 public:
  struct Match {
    std::size_t begin = 0;   ///< the text's size if there is none
    std::size_t length = 0;  ///< 0 if there is none
    int id = -1;
  };

  void add(std::string text, int id);
  /// The first token in `text`; of several that start there, the longest.
  Match find(std::string_view text) const noexcept;
  int largest_id() const noexcept { return largest_id_; }

 private:
  struct Token {
    std::string text;
    int id;
  };
  std::map<char, std::vector<Token>> by_first_byte_;  ///< longest first
  int largest_id_ = -1;
};

}  // namespace ditmill::models
