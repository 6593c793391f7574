#pragma once

#include <optional>
#include <string>

#include "jobs/results/export/video_config.h"

namespace ditmill::jobs::results {

/// What `output:` says.
struct OutputConfig {
  std::string path;  ///< run directory, absolute
  bool frames = true;
  std::optional<VideoConfig> video;  ///< none: none
  bool latents = false;
  int gzip = 0;                       ///< 0: none, else 1 .. 9
  std::optional<int> items_per_part;  ///< none: auto
};

}  // namespace ditmill::jobs::results
