#include "models/pictures/read_picture.h"
#include "registry/byte_source.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/png_checksums.h"

namespace ditmill::fuzz {

void one_input(std::span<const std::byte> bytes) {
  const std::vector<std::byte> file = with_checksums(bytes);
  const auto source = registry::memory_source("fuzz.png", file);
  run(file, std::size_t{16} << 20, [&] {
    const models::pictures::PictureInfo info = models::pictures::read_info(*source);
    require(info.width > 0 && info.height > 0, "sides are above 0");
    require(std::uint64_t{static_cast<unsigned>(info.width)} * static_cast<unsigned>(info.height) <=
                models::pictures::max_pixels,
            "pixels are within their bound");
    require(info.orientation >= 1 && info.orientation <= 8, "a turn is one of 1 .. 8");
  });
}

}  // namespace ditmill::fuzz
