#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "jobs/results/store/part_reader.h"

namespace ditmill::jobs::results {

/// How far apart two rows of bytes are.
struct ByteDifference {
  std::uint64_t bytes = 0;      ///< compared: of the longer one
  std::uint64_t differing = 0;  ///< those that only one has count
  int most = 0;                 ///< largest difference of two bytes

  double share() const noexcept {
    return bytes == 0 ? 0 : static_cast<double>(differing) / static_cast<double>(bytes);
  }
};

/// How far apart two rows of real numbers are.
struct RealDifference {
  double relative = 0;  ///< ||now - then|| / ||then||
  double most = 0;      ///< largest |now - then|
};

/// How far apart two stored items are, by the outputs that are kept of both; of a video the files, not what
/// they show.
struct ItemDifference {
  std::map<std::string, ByteDifference, std::less<>> bytes = {};
  std::map<std::string, RealDifference, std::less<>> reals = {};
};

/// Compares an item as two parts hold it, a row of bytes at a time. Throws Error: bad_input (damage; shapes
/// that are not the same), io.
ItemDifference compare_items(const PartReader& then, const PartReader& now, const std::string& id);

}  // namespace ditmill::jobs::results
