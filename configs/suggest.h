#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ditmill::configs {

/// Optimal-string-alignment distance (an insertion, deletion, substitution or swap of neighbours costs 1).
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `word` within distance 2 (and less than its length), the first of equals; or "".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace ditmill::configs
