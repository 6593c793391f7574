#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "jobs/bench/doctor/diagnosis.h"

namespace ditmill::jobs::bench::doctor {

/// A line a node, what was found, what is known of the libraries; last `--exclude=...`, if a node is odd.
std::string doctor_text(std::span<const NodeFacts> nodes, const Diagnosis& diagnosis);

/// {exit, exclude, findings: [{node, what}], notes, nodes: [NodeFacts]}; node is null where none is to blame.
nlohmann::json doctor_json(std::span<const NodeFacts> nodes, const Diagnosis& diagnosis);

}  // namespace ditmill::jobs::bench::doctor
