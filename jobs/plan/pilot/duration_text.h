#pragma once

#include <string>

namespace ditmill::jobs::plan {

/// "4s", "1m26s", "3h07m", "2d03h"
std::string duration_text(double seconds);

}  // namespace ditmill::jobs::plan
