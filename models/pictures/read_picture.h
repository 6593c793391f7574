#pragma once

#include <cstdint>

#include "models/pictures/picture.h"
#include "registry/byte_source.h"

namespace ditmill::models::pictures {

enum class PictureFormat { png, jpeg, webp };

/// What the header of a picture file says. The file's suffix is not looked at.
struct PictureInfo {
  PictureFormat format = PictureFormat::png;
  int width = 0;  ///< as shown: with the turn of EXIF or XMP applied
  int height = 0;
  int orientation = 1;  ///< 1 .. 8, as EXIF has it: how what is stored must be turned to be shown

  bool operator==(const PictureInfo&) const = default;
};

/// The most pixels and bytes that are taken. A hundred million pixels are more than any camera of the day
/// makes and 300 MB here, so that a file of a few bytes cannot take a node's memory; no such picture, be it
/// stored in 16 bits a value, needs more bytes.
inline constexpr std::uint64_t max_pixels = 100'000'000;
inline constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 30;

/// What a picture file says of itself; pixels are not decoded, of PNG and WebP the chunks are followed to the
/// end. Throws Error(bad_input), with the offset where there is one: an empty or cut file, something else
/// than a PNG, JPEG or WebP picture (with its name, if it is known), an animation, sides of 0, more pixels or
/// bytes than above. Errors of the source pass.
PictureInfo read_info(const registry::ByteSource& source);

/// The pixels as Pillow 13 gives them: `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, which is
/// diffusers' load_image: alpha dropped, not blended; of 16 bits a value the upper eight, but grey ones cut
/// off at 255; colours of profiles and gamma left as they are; 4 components taken as Adobe's inverted CMYK.
/// Throws as read_info(), and Error(bad_input) for data that are damaged or end early, some of which Pillow
/// fills with grey: nothing is decoded in part.
Picture decode(const registry::ByteSource& source);

}  // namespace ditmill::models::pictures
