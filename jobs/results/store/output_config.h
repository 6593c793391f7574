#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "jobs/results/export/video_config.h"

namespace ditmill::jobs::results {

/// What `output:` says.
struct OutputConfig {
  std::string path;  ///< run directory, absolute
  bool frames = true;
  std::optional<VideoConfig> video;  ///< none: none
  bool latents = false;
  std::set<std::string, std::less<>> more = {};  ///< of family_outputs()
  std::optional<bool> keep_inputs;    ///< files that requests name, in the run directory; none: small ones
  int gzip = 0;                       ///< 0: none, else 1 .. 9
  std::optional<int> items_per_part;  ///< none: auto

  /// Whether anything is kept that is decoded from latents.
  bool decodes() const noexcept { return frames || video || !more.empty(); }
};

}  // namespace ditmill::jobs::results
