#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace ditmill::jobs::bench {

/// What repeats of one measurement came to.
struct Spread {
  double median = 0;  ///< of an even number: the mean of the two in the middle
  double min = 0;
  double max = 0;
};
/// Of at least one sample.
Spread spread_of(std::vector<double> samples);
nlohmann::json to_json(const Spread& spread);

}  // namespace ditmill::jobs::bench
