#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace ditmill::jobs::results {

/// Runs `work` in a child process and returns its result: a damaged file can make libhdf5 crash, loop or take
/// all memory, and whoever looks for damage must live to tell. None if the child died or took longer than ten
/// minutes; `how` then says how. The calling process must have one thread. Throws Error(io) if there can be
/// no child.
std::optional<nlohmann::json> isolated(const std::function<nlohmann::json()>& work, std::string& how);

}  // namespace ditmill::jobs::results
