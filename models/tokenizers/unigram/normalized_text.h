#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ditmill::models {

/// A piece of a text on its way through normalisers and splitters, and for each of its bytes the byte of the
/// whole text that it came from, with the rules of the `tokenizers` library: a splitter may ask whether a
/// piece begins where the text does.
class NormalizedText {
 public:
  /// A character of what a text becomes, and what it does to the characters that it came from:
  /// 0 replaces the next one, 1 is inserted, -n replaces the next one and removes n behind it.
  struct Change {
    char32_t character;
    int change;
  };
  /// [begin, end) in bytes.
  using Place = std::pair<std::size_t, std::size_t>;

  NormalizedText() = default;
  /// A whole text, of valid UTF-8 under 4 GiB.
  explicit NormalizedText(std::string text);
  NormalizedText(std::string text, std::vector<std::uint32_t> origins);

  const std::string& text() const noexcept { return text_; }
  std::uint32_t origin(std::size_t byte) const noexcept { return origins_[byte]; }
  bool starts_the_whole() const noexcept { return !origins_.empty() && origins_.front() == 0; }

  NormalizedText slice(Place place) const;
  /// Puts `content` into every place; the places are in order and hold a character each, or more.
  void replace(std::span<const Place> places, std::string_view content);
  /// Puts `content` (not empty) before a text that is not empty.
  void prepend(std::string_view content);
  /// The whole text anew; the first `removed` characters count as removed before the first change.
  void transform(std::span<const Change> changes, std::size_t removed = 0);

 private:
  std::string text_;
  std::vector<std::uint32_t> origins_;  ///< one for each byte of text_
};

}  // namespace ditmill::models
