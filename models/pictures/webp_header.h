#pragma once

#include "models/pictures/stored_picture.h"

namespace ditmill::models::pictures {

/// Follows the chunks of a WebP to its end. The turn is that of the first EXIF chunk, else XMP chunk, where
/// the extended header (VP8X) says that there is one. Bytes for
/// the decoder are those of the picture's chunk, and of alpha before it: libwebp goes on into the chunks
/// behind where the picture says more than its chunk has. Refuses what is no sequence of chunks with one
/// picture, a file that ends before its header says, and an animation.
StoredPicture read_webp_header(HeaderBytes& bytes);

}  // namespace ditmill::models::pictures
