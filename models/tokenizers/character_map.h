#pragma once

#include <cstdint>
#include <string_view>

namespace ditmill::models {

/// Checks a sentencepiece normaliser's compiled character map (the size of a double-array trie, the trie,
/// then NUL-terminated replacements): every step and every value that a text could lead to stays inside.
/// libsentencepiece follows them unchecked. Throws Error(bad_input); `offset` is the map's place in the file.
void check_character_map(std::string_view map, std::uint64_t offset);

}  // namespace ditmill::models
