#pragma once

#include <cstdint>
#include <string>

namespace ditmill::registry {

/// "14.29B", "1.42M", "12.30K", "999": as TeleFuser's viewer writes counts.
std::string short_count(std::uint64_t count);
/// "14,288,491,584"
std::string grouped_count(std::uint64_t count);

}  // namespace ditmill::registry
