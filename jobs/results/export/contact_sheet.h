#pragma once

#include <string>
#include <vector>

#include "jobs/results/export/picture.h"

namespace ditmill::jobs::results {

/// Some frames of one item, side by side above a caption.
struct Strip {
  std::string caption;
  std::vector<Picture> frames;  ///< at least one
};

/// Indices of `wanted` frames spread evenly over a clip, the first and the last among them; all if there are
/// fewer.
std::vector<std::int64_t> spread_frames(std::int64_t count, std::int64_t wanted);

/// All strips in one picture: frames as thumbnails of at most 160 pixels a side, strips in a grid about as
/// wide as it is high. Needs at least one strip.
Picture contact_sheet(const std::vector<Strip>& strips);

}  // namespace ditmill::jobs::results
