#pragma once

#include "configs/field.h"
#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// The pixels of a picture that a request names, read once: from the bytes that its digest is of. Throws
/// Error: bad_input if the file has other bytes now, or as decode() does; not_found, io.
Picture read_input(const configs::FileValue& file);

}  // namespace ditmill::models::pictures
