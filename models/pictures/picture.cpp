#include "models/pictures/picture.h"

#include <string>

#include "configs/error.h"

namespace ditmill::models::pictures {

void require_pixels(const Picture& picture, const char* doing) {
  if (picture.width > 0 && picture.height > 0 &&
      picture.rgb.size() == rgb_bytes(picture.width, picture.height)) {
    return;
  }
  throw Error(
      Category::internal, doing, {},
      Expected{std::to_string(picture.width) + " x " + std::to_string(picture.height) + " pixels of RGB"},
      Got{std::to_string(picture.rgb.size()) + " bytes"});
}

}  // namespace ditmill::models::pictures
