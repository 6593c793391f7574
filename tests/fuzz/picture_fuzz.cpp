#include <optional>

#include "models/pictures/read_picture.h"
#include "registry/byte_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/png_checksums.h"

namespace ditmill::fuzz {
namespace {

namespace pictures = models::pictures;

/// Larger ones take the time of many.
constexpr std::size_t most_bytes = std::size_t{3} << 16;

}  // namespace

void one_input(std::span<const std::byte> bytes) {
  const std::vector<std::byte> file = with_checksums(bytes);
  const auto source = registry::memory_source("fuzz.png", file);
  std::optional<pictures::PictureInfo> info;
  run(file, std::size_t{16} << 20, [&] { info = pictures::read_info(*source); });
  if (!info || pictures::rgb_bytes(info->width, info->height) > most_bytes) return;
  run(file, (std::size_t{16} << 20) + 2 * most_bytes, [&] {
    const pictures::Picture picture = pictures::decode(*source);
    require(picture.width == info->width && picture.height == info->height, "sides are those of the header");
    require(picture.rgb.size() == pictures::rgb_bytes(picture.width, picture.height), "every pixel is there");
  });
}

}  // namespace ditmill::fuzz
