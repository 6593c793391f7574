#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

// Each fills the pixels of a picture whose sides are those of the file's header and whose bytes are there,
// and throws Error(bad_input) with the library's words where the data are damaged, end early or are of other
// sides. A WebP is given without its container, so that libwebp cannot leave the picture's chunk. `file` is
// for messages.

void decode_png(const std::string& file, std::span<const std::byte> bytes, Picture& picture);
void decode_jpeg(const std::string& file, std::span<const std::byte> bytes, Picture& picture);
void decode_webp(const std::string& file, std::span<const std::byte> bytes, Picture& picture);

}  // namespace ditmill::models::pictures
