#pragma once

#include <string>

#include "jobs/bench/curves/load_series.h"

namespace ditmill::jobs::bench {

enum class Shade { light, dark };

/// A picture in SVG: seconds over machines, a curve a strategy with its name at its end, bars from the
/// quickest to the slowest run, and dashed what the limits of the same run allow.
std::string draw_load(const LoadSeries& series, Shade shade);

}  // namespace ditmill::jobs::bench
