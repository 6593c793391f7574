#pragma once

#include <cstdint>
#include <string_view>

namespace ditmill::jobs::results {

/// CRC-32C (Castagnoli; RFC 3720, B.4: "123456789" gives e3069283).
std::uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace ditmill::jobs::results
