#pragma once

#include "models/pictures/stored_picture.h"

namespace ditmill::models::pictures {

/// Follows the chunks of a PNG to its end. The turn is that of eXIf, else of the text chunks in which
/// ImageMagick and Adobe keep EXIF and XMP, before or behind the pixels, the last of each, as Pillow has it.
/// Refuses what is no sequence of chunks from IHDR over IDAT to IEND, a header whose checksum is wrong or
/// that PNG does not know, and an animation. Checksums of pixels are left to the decoder.
StoredPicture read_png_header(HeaderBytes& bytes);

}  // namespace ditmill::models::pictures
