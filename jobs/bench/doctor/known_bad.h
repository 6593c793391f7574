#pragma once

#include <map>
#include <string>
#include <vector>

namespace ditmill::jobs::bench::doctor {

/// What is known to be wrong with libraries of these versions (by name, as NodeFacts has them), a sentence
/// each, which also says whether it concerns ditmill.
std::vector<std::string> known_bad(const std::map<std::string, std::string>& versions);

}  // namespace ditmill::jobs::bench::doctor
