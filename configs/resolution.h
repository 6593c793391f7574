#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ditmill::configs {

/// Width and height of a clip in pixels.
struct FrameSize {
  int width = 0;
  int height = 0;

  bool operator==(const FrameSize&) const = default;
};

/// The words of `resolution`: 480p, 720p, 1080p, 2k, 4k.
std::span<const std::string> resolution_names();
/// What a Problem expects of them: "480p, 720p, ...".
std::string resolution_form();

/// What an aspect ratio is where none is given.
inline constexpr std::string_view usual_aspect_ratio = "16:9";
inline constexpr std::string_view aspect_ratio_form = "W:H, two numbers above 0, at most 10000";
/// Whether a text is W:H, decimal numbers of that range: "16:9", "2.39:1".
bool is_aspect_ratio(std::string_view text) noexcept;

/// The size of a resolution at an aspect ratio, both sides multiples of 16. 16:9 (and 9:16, turned) is the
/// pair that models of that name are trained at: 832x480, 1280x720, 1920x1088, 2560x1440, 3840x2160. Any
/// other ratio keeps the area of 832x480, 1280x720, 1920x1080, ...: width = sqrt(area * W / H) and height =
/// sqrt(area * H / W), rounded down to multiples of 16, as Wan's and diffusers' image-to-video pipelines do.
/// None if a word is unknown, or a side comes out below 16 or above what a request may have.
std::optional<FrameSize> size_of(std::string_view resolution, std::string_view aspect_ratio);

}  // namespace ditmill::configs
