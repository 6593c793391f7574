#include "models/pictures/stored_picture.h"

#include <limits>
#include <string>

#include "models/pictures/read_picture.h"
#include "registry/checked.h"

namespace ditmill::models::pictures {

StoredPicture stored_size(const HeaderBytes& bytes, std::uint64_t offset, std::uint64_t width,
                          std::uint64_t height) {
  const std::string got = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width == 0 || height == 0) bytes.refuse(offset, "width and height above 0", got);
  const auto pixels = registry::checked_multiply(width, height);
  if (!pixels || *pixels > max_pixels) {
    bytes.refuse(offset, "at most " + std::to_string(max_pixels) + " pixels", got, "make it smaller");
  }
  static_assert(max_pixels <= std::numeric_limits<int>::max());
  return {.width = static_cast<int>(width), .height = static_cast<int>(height)};
}

}  // namespace ditmill::models::pictures
