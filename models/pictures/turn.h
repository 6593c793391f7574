#pragma once

#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// The picture as shown, of one stored with EXIF's orientation 1 .. 8: 2 mirrored, 3 upside down, 4 mirrored
/// upside down, 6 turned right, 8 turned left, 5 and 7 these two mirrored.
Picture turned(Picture picture, int orientation);

}  // namespace ditmill::models::pictures
