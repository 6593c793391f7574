#pragma once

#include <array>
#include <cstdint>

namespace ditmill::jobs {

inline constexpr int glyph_width = 5;
inline constexpr int glyph_height = 7;

/// A character's columns from the left; bit 0 is its top row.
using Glyph = std::array<std::uint8_t, glyph_width>;

/// The letters, digits and signs that an item's id may hold; blank for any other character.
Glyph glyph_of(char character) noexcept;

}  // namespace ditmill::jobs
