#include "configs/resolution.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "configs/number_text.h"
#include "configs/request.h"

namespace ditmill::configs {
namespace {

constexpr int step = 16;
constexpr double longest_side_of_ratio = 10000;

const std::array<std::string, 5> names{"480p", "720p", "1080p", "2k", "4k"};

struct Resolution {
  FrameSize wide;  ///< at 16:9
  double area = 0;
};
constexpr std::array<Resolution, 5> resolutions{{{{832, 480}, 832.0 * 480},
                                                 {{1280, 720}, 1280.0 * 720},
                                                 {{1920, 1088}, 1920.0 * 1080},
                                                 {{2560, 1440}, 2560.0 * 1440},
                                                 {{3840, 2160}, 3840.0 * 2160}}};

struct Ratio {
  double width;
  double height;
};

std::optional<double> side_of(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  const std::optional<double> value = number_from_text<double>(text);
  return value && *value > 0 && *value <= longest_side_of_ratio ? value : std::nullopt;
}

std::optional<Ratio> ratio_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<double> width = side_of(text.substr(0, colon));
  const std::optional<double> height = side_of(text.substr(colon + 1));
  if (!width || !height) return std::nullopt;
  return Ratio{*width, *height};
}

int rounded_down(double side, int most) {
  if (!(side < most)) return most + 1;
  return static_cast<int>(side) / step * step;
}

}  // namespace

std::span<const std::string> resolution_names() { return names; }

std::string resolution_form() { return fmt::format("{}", fmt::join(names, ", ")); }

bool is_aspect_ratio(std::string_view text) noexcept { return ratio_of(text).has_value(); }

std::optional<FrameSize> size_of(std::string_view resolution, std::string_view aspect_ratio) {
  const auto named = std::find(names.begin(), names.end(), resolution);
  const std::optional<Ratio> ratio = ratio_of(aspect_ratio);
  if (named == names.end() || !ratio) return std::nullopt;
  const auto& [wide, area] = resolutions[static_cast<std::size_t>(named - names.begin())];
  if (ratio->width * 9 == ratio->height * 16) return wide;
  if (ratio->width * 16 == ratio->height * 9) return FrameSize{wide.height, wide.width};
  const FrameSize size{rounded_down(std::sqrt(area * ratio->width / ratio->height), width_bounds.most + 1),
                       rounded_down(std::sqrt(area * ratio->height / ratio->width), height_bounds.most + 1)};
  if (size.width < step || size.height < step) return std::nullopt;
  if (size.width > width_bounds.most || size.height > height_bounds.most) return std::nullopt;
  return size;
}

}  // namespace ditmill::configs
