#pragma once

#include <cstddef>

namespace ditmill::jobs::plan {

/// How many items a group gets when it asks: large enough that texts are encoded in windows, small enough
/// near the end of the list that all groups finish together (guided self-scheduling: half of an even share).
std::size_t grant_size(std::size_t left, int groups, int window) noexcept;

}  // namespace ditmill::jobs::plan
