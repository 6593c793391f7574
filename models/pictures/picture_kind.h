#pragma once

#include "models/pictures/header_bytes.h"
#include "models/pictures/read_picture.h"

namespace ditmill::models::pictures {

/// What a file begins as. Refuses an empty file, one over max_file_bytes, and all that is no PNG, JPEG or
/// WebP, by name where it is a known picture, document or video.
PictureFormat format_of(HeaderBytes& bytes);

}  // namespace ditmill::models::pictures
