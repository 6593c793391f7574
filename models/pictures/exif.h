#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace ditmill::models::pictures {

/// The turn that EXIF data (a TIFF header and its first directory, perhaps behind "Exif\0\0") ask for: tag
/// 0x0112, an integer, as Pillow finds it: the first of its entries that is whole counts, and a directory is
/// read until it is not. 1 where the value is none of 1 .. 8; nothing where there is no such entry, or the
/// data are no EXIF.
std::optional<int> orientation_in_exif(std::span<const std::byte> exif);

/// The first `tiff:Orientation` of an XMP packet, as attribute or element; 1 where it is none of 1 .. 8.
/// Nothing where there is none.
std::optional<int> orientation_in_xmp(std::string_view xmp);

/// The turn that metadata ask for: EXIF's, else XMP's, else 1.
int orientation_of(std::span<const std::byte> exif, std::string_view xmp);

}  // namespace ditmill::models::pictures
