#include "models/text/character_map.h"

#include <cstring>
#include <string>
#include <vector>

#include "configs/utf8.h"
#include "models/text/wire.h"

namespace ditmill::models {
namespace {

// The layout of a unit of Darts' double-array trie.
constexpr std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000ffu; }
constexpr bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
constexpr std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 0x200u) >> 6); }
constexpr std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffffu; }

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void check_trie(const std::vector<std::uint32_t>& units, std::uint64_t replacement_bytes,
                std::uint64_t offset) {
  std::vector<bool> seen(units.size());
  std::vector<std::uint32_t> waiting{0};
  seen[0] = true;
  while (!waiting.empty()) {
    const std::uint32_t at = waiting.back();
    waiting.pop_back();
    const std::uint32_t base = at ^ offset_of(units[at]);
    const std::uint64_t place = offset + 4 + std::uint64_t{at} * 4;
    if ((std::uint64_t{base} | 0xff) >= units.size()) {
      refuse_model(place, "a trie of " + std::to_string(units.size()) + " units",
                   "a step to unit " + std::to_string(base));
    }
    if (has_leaf(units[at]) && value_of(units[base]) >= replacement_bytes) {
      refuse_model(place, "replacements within " + std::to_string(replacement_bytes) + " bytes",
                   "one at byte " + std::to_string(value_of(units[base])));
    }
    for (std::uint32_t c = 1; c < 256; ++c) {
      const std::uint32_t next = base ^ c;
      if (label_of(units[next]) != c || seen[next]) continue;
      seen[next] = true;
      waiting.push_back(next);
    }
  }
}

}  // namespace

void check_character_map(std::string_view map, std::uint64_t offset) {
  if (map.size() < 4) refuse_model(offset, "a character map of 4 bytes or more", std::to_string(map.size()));
  const std::uint64_t trie_bytes = read_u32(map, 0);
  // 256 units: what the first step of any text may look at.
  if (trie_bytes % 4 != 0 || trie_bytes < 1024 || trie_bytes >= map.size() - 4) {
    refuse_model(offset,
                 "a trie of whole units, 1024 bytes or more, inside a map of " + std::to_string(map.size()),
                 "one of " + std::to_string(trie_bytes) + " bytes");
  }
  if (map.back() != '\0')
    refuse_model(offset + map.size() - 1, "a NUL after the last replacement", "another byte");
  std::vector<std::uint32_t> units(trie_bytes / 4);
  std::memcpy(units.data(), map.data() + 4, trie_bytes);
  check_trie(units, map.size() - 4 - trie_bytes, offset);
}

CharacterMap::CharacterMap(std::string_view map) {
  check_character_map(map, 0);
  const std::size_t trie_bytes = read_u32(map, 0);
  units_.resize(trie_bytes / 4);
  std::memcpy(units_.data(), map.data() + 4, trie_bytes);
  replacements_ = map.substr(4 + trie_bytes);
  const std::size_t invalid = utf8::find_invalid(replacements_);
  if (invalid != std::string::npos) refuse_model(4 + trie_bytes + invalid, "replacements in UTF-8", "others");
}

std::optional<std::string_view> CharacterMap::find(std::string_view chunk) const noexcept {
  std::uint32_t at = offset_of(units_[0]);
  for (const char c : chunk) {
    if (c == '\0') break;
    at ^= static_cast<unsigned char>(c);
    const std::uint32_t unit = units_[at];
    if (label_of(unit) != static_cast<unsigned char>(c)) break;
    at ^= offset_of(unit);
    if (has_leaf(unit)) return std::string_view(replacements_.c_str() + value_of(units_[at]));
  }
  return std::nullopt;
}

}  // namespace ditmill::models
