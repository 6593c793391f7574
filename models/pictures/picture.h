#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ditmill::models::pictures {

/// A picture of 8-bit red, green, blue.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb = {};  ///< height * width * 3

  bool operator==(const Picture&) const = default;
};

/// Bytes of a picture's pixels; neither side may be negative.
constexpr std::size_t rgb_bytes(int width, int height) noexcept {
  return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
}

/// Throws Error(internal) unless the picture has pixels, and as many as its sides say. `doing` is for the
/// message.
void require_pixels(const Picture& picture, const char* doing);

}  // namespace ditmill::models::pictures
