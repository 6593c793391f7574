#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ditmill::jobs::results {

/// A path, or the nearest one above it that is there.
std::string nearest_existing(const std::string& path);
/// Bytes that this process may still write to the file system of a folder. Throws Error(io).
std::uint64_t free_bytes(const std::string& folder);

/// What is to be said of `needed` bytes of results that have no room where a run directory is, or will be;
/// nothing if they have, or if that is not known.
std::optional<std::string> results_without_room(const std::string& run_directory, std::uint64_t needed);

/// Why a run whose groups write parts of `part_bytes` bytes must stop with so much room left: there
/// is to be room for two parts a group, so that what is under way can be sealed. Says how much is missing;
/// nothing while there is enough.
std::optional<std::string> shortage_of_room(std::uint64_t free, std::uint64_t part_bytes, int groups);

}  // namespace ditmill::jobs::results
