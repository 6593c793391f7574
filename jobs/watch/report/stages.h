#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ditmill::jobs::watch {

/// Seconds of one item, by what they were spent on.
struct StageSeconds {
  double text = 0;
  double denoise = 0;
  double decode = 0;
  double store = 0;

  double total() const noexcept { return text + denoise + decode + store; }
};

/// How seconds of items are spread.
struct Spread {
  double p10 = 0;
  double median = 0;
  double p90 = 0;
  double most = 0;
  double mean = 0;
};

/// Of at least one value, in any order; a quantile is the nearest value.
Spread spread_of(std::vector<float> values);

/// Gathers what items of each size took by stage. Holds 20 bytes an item.
class StageTable {
 public:
  void add(int width, int height, int frames, const StageSeconds& seconds);
  std::size_t items() const noexcept { return items_; }

  /// For the page: {"items", "of", "classes": [{"name", "items", "stages": [{"stage", ...}]}]}, all items
  /// first if there are several sizes, then the sizes with most items (at most 12). Stages in which no item
  /// spent any time are left out. `of`: items that are done, of which these are some.
  nlohmann::json to_json(std::size_t of) const;

 private:
  using Size = std::array<int, 3>;  // frames, height, width
  using Values = std::array<std::vector<float>, 4>;

  std::map<Size, Values> sizes_;
  std::size_t items_ = 0;
};

}  // namespace ditmill::jobs::watch
