#pragma once

#include "models/pictures/stored_picture.h"

namespace ditmill::models::pictures {

/// Follows the segments of a JPEG to its first scan. The turn is that of the APP1 segments with EXIF, taken
/// together, else of the last one with XMP. Further pictures behind the first (MPO, gain maps) are not looked
/// at. Refuses what is no sequence of segments, has no frame before its scan, and frames that are not taken:
/// other than 8 bits, 1, 3 or 4 components, sequential or progressive DCT.
StoredPicture read_jpeg_header(HeaderBytes& bytes);

}  // namespace ditmill::models::pictures
