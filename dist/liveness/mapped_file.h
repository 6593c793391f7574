#pragma once

#include <cstddef>
#include <span>

namespace ditmill::dist {

/// Writes to `path` which file of this process is mapped at an address, as /proc/self/maps says it, with a
/// zero behind it; false if none is, or its path is too long. Async-signal-safe.
bool mapped_file(const void* address, std::span<char> path) noexcept;

}  // namespace ditmill::dist
