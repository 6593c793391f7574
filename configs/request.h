#pragma once

#include <cstdint>
#include <string>

namespace ditmill::configs {

/// Layer 3: one item, resolved: nothing is left to a default.
struct Request {
  std::string id;
  std::string prompt;           ///< as given: cleaning happens when it is encoded
  std::string negative_prompt;  ///< final: the user's, then the preset's suffix
  std::int64_t seed = 42;       ///< 0 .. 2^63-1
  int width = 832;              ///< pixels
  int height = 480;             ///< pixels
  int frames = 81;
  double fps = 16;

  bool operator==(const Request&) const = default;
};

}  // namespace ditmill::configs
