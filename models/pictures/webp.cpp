#include <webp/decode.h>

#include "configs/error.h"
#include "models/pictures/decoders.h"
#include "models/pictures/header_bytes.h"

namespace ditmill::models::pictures {
namespace {

const char* words_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return "the end of its data";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "damaged data";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a feature that libwebp does not know";
    default:
      return "a picture that libwebp does not read";
  }
}

}  // namespace

void decode_webp(const std::string& file, std::span<const std::byte> bytes, Picture& picture) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    throw Error{Category::internal, "start libwebp", {}, Expected{"the version that it was built with"}};
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto refuse = [&](const char* got) { refuse_picture(file, {}, "a whole WebP picture", got); };
  VP8StatusCode status = WebPGetFeatures(data, bytes.size(), &config.input);
  if (status != VP8_STATUS_OK) refuse(words_of(status));
  if (config.input.width != picture.width || config.input.height != picture.height ||
      config.input.has_animation != 0) {
    refuse("another size");
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = picture.rgb.data();
  config.output.u.RGBA.stride = picture.width * 3;
  config.output.u.RGBA.size = picture.rgb.size();
  status = WebPDecode(data, bytes.size(), &config);
  if (status == VP8_STATUS_OUT_OF_MEMORY) {
    throw Error{Category::memory, "decode a picture", Where{.file = file}};
  }
  if (status != VP8_STATUS_OK) refuse(words_of(status));
}

}  // namespace ditmill::models::pictures
