#include "models/pictures/picture_sizes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "configs/error.h"

namespace ditmill::models::pictures {
namespace {

void require_size(int width, int height, std::int64_t area, int multiple) {
  if (width > 0 && height > 0 && area > 0 && multiple > 0) return;
  throw Error(Category::internal, "find a size for a picture", {},
              Expected{"sides, an area and a multiple above 0"},
              Got{std::to_string(width) + " x " + std::to_string(height) + ", " + std::to_string(area) +
                  ", " + std::to_string(multiple)});
}

int down_to_multiple(double side, int multiple) {
  const auto whole = static_cast<std::int64_t>(side);
  return static_cast<int>(std::max<std::int64_t>(whole / multiple, 1) * multiple);
}

/// How many times one aspect is the other, at least 1.
double apart(double one, double other) { return std::max(one / other, other / one); }

double aspect(const configs::FrameSize& size) { return static_cast<double>(size.width) / size.height; }

}  // namespace

configs::FrameSize size_by_area(int width, int height, std::int64_t area, int multiple) {
  require_size(width, height, area, multiple);
  const double ratio = static_cast<double>(height) / width;
  const auto pixels = static_cast<double>(area);
  return {.width = down_to_multiple(std::nearbyint(std::sqrt(pixels / ratio)), multiple),
          .height = down_to_multiple(std::nearbyint(std::sqrt(pixels * ratio)), multiple)};
}

configs::FrameSize size_within_area(int width, int height, std::int64_t area, int multiple) {
  require_size(width, height, area, multiple);
  const double ratio = static_cast<double>(width) / height;
  const auto pixels = static_cast<double>(area);
  const double exact_width = std::sqrt(pixels * ratio);
  configs::FrameSize by_width{.width = down_to_multiple(exact_width, multiple)};
  by_width.height = down_to_multiple(pixels / by_width.width, multiple);
  configs::FrameSize by_height{.height = down_to_multiple(pixels / exact_width, multiple)};
  by_height.width = down_to_multiple(pixels / by_height.height, multiple);
  return apart(ratio, aspect(by_width)) < apart(ratio, aspect(by_height)) ? by_width : by_height;
}

}  // namespace ditmill::models::pictures
