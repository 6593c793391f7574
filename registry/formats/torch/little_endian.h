#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ditmill::registry {

/// The unsigned number that up to 8 bytes spell, the lowest first.
constexpr std::uint64_t little_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

}  // namespace ditmill::registry
