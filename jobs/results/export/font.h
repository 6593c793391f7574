#pragma once

#include <array>
#include <cstdint>

namespace ditmill::jobs::results::font {

inline constexpr int columns = 5;
inline constexpr int rows = 7;

/// A column of dots each, the lowest bit at the top.
using Glyph = std::array<std::uint8_t, columns>;

/// The glyph of a printable ASCII character; that of '?' for any other.
const Glyph& glyph(char character) noexcept;

}  // namespace ditmill::jobs::results::font
