#pragma once

#include <optional>
#include <string_view>

namespace ditmill::slurm {

/// Seconds of a time limit as Slurm reads it: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
/// days-hours:minutes, days-hours:minutes:seconds; none for another text, and for "unlimited".
std::optional<double> limit_seconds(std::string_view text);

}  // namespace ditmill::slurm
