#include "jobs/results/export/png.h"

#include <fcntl.h>
#include <png.h>

#include "configs/error.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::results {
namespace {

[[noreturn]] void refuse(const Picture& picture, const std::string& why) {
  throw Error(
      Category::internal, "encode a PNG picture", {},
      Expected{std::to_string(picture.width) + " x " + std::to_string(picture.height) + " pixels of RGB"},
      Got{why});
}

}  // namespace

std::string png_bytes(const Picture& picture) {
  if (picture.width <= 0 || picture.height <= 0 ||
      picture.rgb.size() !=
          static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) * 3) {
    refuse(picture, std::to_string(picture.rgb.size()) + " bytes");
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
    refuse(picture, image.message);
  }
  bytes.resize(size);
  return bytes;
}

void write_png(const std::string& path, const Picture& picture) {
  const std::string bytes = png_bytes(picture);
  durable::File file = durable::File::open(path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(bytes);
  file.close();
}

}  // namespace ditmill::jobs::results
