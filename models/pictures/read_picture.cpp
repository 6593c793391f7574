#include "models/pictures/read_picture.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "models/pictures/decoders.h"
#include "models/pictures/header_bytes.h"
#include "models/pictures/jpeg_header.h"
#include "models/pictures/picture_kind.h"
#include "models/pictures/png_header.h"
#include "models/pictures/turn.h"
#include "models/pictures/webp_header.h"

namespace ditmill::models::pictures {
namespace {

struct Header {
  PictureFormat format = PictureFormat::png;
  StoredPicture stored = {};
};

Header read_header(const registry::ByteSource& source) {
  HeaderBytes bytes(source);
  const PictureFormat format = format_of(bytes);
  switch (format) {
    case PictureFormat::png:
      return {format, read_png_header(bytes)};
    case PictureFormat::jpeg:
      return {format, read_jpeg_header(bytes)};
    case PictureFormat::webp:
      break;
  }
  return {format, read_webp_header(bytes)};
}

}  // namespace

PictureInfo read_info(const registry::ByteSource& source) {
  const Header header = read_header(source);
  PictureInfo info{header.format, header.stored.width, header.stored.height, header.stored.orientation};
  if (info.orientation >= 5) std::swap(info.width, info.height);
  return info;
}

Picture decode(const registry::ByteSource& source) {
  const Header header = read_header(source);
  const std::uint64_t end = header.stored.end > 0 ? header.stored.end : source.size();
  std::vector<std::byte> bytes(end - header.stored.begin);
  source.read_at(header.stored.begin, bytes);
  Picture picture{header.stored.width, header.stored.height, {}};
  picture.rgb.resize(rgb_bytes(picture.width, picture.height));
  switch (header.format) {
    case PictureFormat::png:
      decode_png(source.label(), bytes, picture);
      break;
    case PictureFormat::jpeg:
      decode_jpeg(source.label(), bytes, picture);
      break;
    case PictureFormat::webp:
      decode_webp(source.label(), bytes, picture);
      break;
  }
  return turned(std::move(picture), header.stored.orientation);
}

}  // namespace ditmill::models::pictures
