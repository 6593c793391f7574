#include "jobs/results/store/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "configs/declared_fields.h"
#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

void add(ByteDifference& difference, std::span<const std::uint8_t> then, std::span<const std::uint8_t> now) {
  const std::size_t both = std::min(then.size(), now.size());
  difference.bytes += std::max(then.size(), now.size());
  difference.differing += std::max(then.size(), now.size()) - both;
  for (std::size_t i = 0; i < both; ++i) {
    if (then[i] == now[i]) continue;
    ++difference.differing;
    difference.most = std::max(difference.most, std::abs(int{then[i]} - int{now[i]}));
  }
}

void require_same_shape(const PartReader::Shape& then, const PartReader::Shape& now, const std::string& id) {
  if (then == now) return;
  const auto text = [](const PartReader::Shape& shape) {
    std::string words;
    for (const std::int64_t extent : shape) words += (words.empty() ? "" : "x") + std::to_string(extent);
    return words;
  };
  throw Error(Category::bad_input, "compare two clips", Where{.item = id}, Expected{text(then)},
              Got{text(now)});
}

RealDifference real_difference(const std::vector<float>& then, const std::vector<float>& now) {
  RealDifference difference;
  double apart = 0;
  double size = 0;
  for (std::size_t i = 0; i < then.size(); ++i) {
    const double by = double{now[i]} - double{then[i]};
    apart += by * by;
    size += double{then[i]} * double{then[i]};
    difference.most = std::max(difference.most, std::abs(by));
  }
  difference.relative = apart == 0 ? 0 : std::sqrt(apart / size);
  return difference;
}

}  // namespace

ItemDifference compare_items(const PartReader& then, const PartReader& now, const std::string& id) {
  ItemDifference difference;
  for (const configs::Output& output : configs::declared_outputs()) {
    const auto shape = then.shape(id, output.name);
    const auto shape_now = now.shape(id, output.name);
    if (!shape || !shape_now) continue;
    const bool is_file = output.axes.size() == 1;
    if (!is_file) require_same_shape(*shape, *shape_now, id);
    if (output.type == configs::OutputType::float32) {
      require_same_shape(*shape, *shape_now, id);
      difference.reals[output.name] =
          real_difference(then.reals(id, output.name), now.reals(id, output.name));
    } else if (is_file) {
      add(difference.bytes[output.name], then.bytes(id, output.name), now.bytes(id, output.name));
    } else {
      ByteDifference& rows = difference.bytes[output.name];
      for (std::int64_t i = 0; i < shape->front(); ++i) {
        add(rows, then.row(id, output.name, i), now.row(id, output.name, i));
      }
    }
  }
  return difference;
}

}  // namespace ditmill::jobs::results
