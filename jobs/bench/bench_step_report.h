#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dist/parallel_context.h"

namespace ditmill::jobs::bench {

/// Why ranks talk within a step.
inline constexpr std::array<dist::Purpose, 7> step_purposes{
    dist::Purpose::guidance, dist::Purpose::ulysses, dist::Purpose::ring,      dist::Purpose::sequence,
    dist::Purpose::stages,   dist::Purpose::tensor,  dist::Purpose::parameters};

/// One step on one rank.
struct StepCost {
  double seconds = 0;
  std::map<dist::Purpose, dist::Traffic> traffic;  ///< of each of step_purposes
};

/// What one rank has measured.
struct RankCost {
  std::string host;
  std::uint64_t weights_bytes = 0;
  std::uint64_t peak_bytes = 0;                          ///< resident, or of the device
  std::map<dist::Purpose, std::uint64_t> expected = {};  ///< bytes a step, by the formulas (step_traffic.h)
  std::vector<StepCost> steps = {};
};

/// A rank's costs, medians over its steps. exposed: the rank waited; hidden: an exchange was under way
/// meanwhile, and the rank computed; compute: what of the step was not exposed; bubble: the share of the step
/// that it waited for other stages.
nlohmann::json to_json(const RankCost& rank, const dist::ParallelContext& place);

/// What `bench step --json` prints: `setting`, the ranks, and over them the largest and the median.
nlohmann::json step_report(nlohmann::json setting, const std::vector<nlohmann::json>& ranks);
/// The same report for people.
std::string step_table(const nlohmann::json& report);

}  // namespace ditmill::jobs::bench
