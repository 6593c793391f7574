#pragma once

#include <optional>
#include <string_view>

namespace ditmill::slurm {

/// The least slurm.lead_seconds. What the warning before the limit leads to takes a few seconds: items
/// sealed, the index written, the job requeued.
inline constexpr int least_lead_seconds = 20;

/// Seconds of a time limit as Slurm reads it: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
/// days-hours:minutes, days-hours:minutes:seconds; none for another text, and for "unlimited".
std::optional<double> limit_seconds(std::string_view text);

}  // namespace ditmill::slurm
