#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ditmill::slurm {

/// More nodes than this are refused: no cluster has them, and a malformed range must not fill the memory.
inline constexpr std::size_t most_nodes = std::size_t{1} << 20;

/// The hosts of a node list as Slurm writes it: "n[1-3,07],login" is n1, n2, n3, n07, login; "r[1-2]n[1-2]"
/// is r1n1, r1n2, r2n1, r2n2. Throws Error(usage), whose place is `variable`.
std::vector<std::string> expand_node_list(std::string_view list, const std::string& variable);

/// Counts a node as Slurm writes them: "2(x3),1" is 2, 2, 2, 1. Throws Error(usage), whose place is
/// `variable`.
std::vector<int> expand_counts(std::string_view counts, const std::string& variable);

}  // namespace ditmill::slurm
