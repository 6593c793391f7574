#pragma once

#include <string>
#include <vector>

#include "jobs/export/image.h"

namespace ditmill::jobs {

/// One item of a contact sheet: its id and a few of its frames, all of one size.
struct Strip {
  std::string id;
  std::vector<Image> frames;
};

/// Strips in columns, each with its id beneath: about as wide as it is high. `strips` must not be empty.
Image contact_sheet(const std::vector<Strip>& strips);

/// At most `count` of `total` positions, evenly spread, first and last among them.
std::vector<std::size_t> spread(std::size_t total, std::size_t count);

}  // namespace ditmill::jobs
