#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::models {

/// Checks a sentencepiece normaliser's compiled character map (the size of a double-array trie, the trie,
/// then NUL-terminated replacements): every step and every value that a text could lead to stays inside.
/// libsentencepiece follows them unchecked. Throws Error(bad_input); `offset` is the map's place in the file.
void check_character_map(std::string_view map, std::uint64_t offset);

/// Such a map, as the `tokenizers` library asks it.
class CharacterMap {
 public:
  /// Throws as check_character_map() does, and for replacements that are not UTF-8.
  explicit CharacterMap(std::string_view map);

  /// The replacement of the shortest entry that `chunk` begins with.
  std::optional<std::string_view> find(std::string_view chunk) const noexcept;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace ditmill::models
