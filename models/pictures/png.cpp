#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <string_view>

#include "models/pictures/decoders.h"
#include "models/pictures/header_bytes.h"

namespace ditmill::models::pictures {
namespace {

/// libpng reports through a function that must not return; an exception must not pass its C frames.
struct PngReading {
  std::span<const std::byte> bytes;
  std::size_t at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf caller = {};
  std::array<char, 200> words = {};

  explicit PngReading(std::span<const std::byte> file) : bytes(file) {}
  PngReading(const PngReading&) = delete;
  PngReading& operator=(const PngReading&) = delete;
  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail_png(png_structp png, png_const_charp words) {
  auto* reading = static_cast<PngReading*>(png_get_error_ptr(png));
  std::strncpy(reading->words.data(), words, reading->words.size() - 1);
  std::longjmp(reading->caller, 1);
}

// What a decoder warns of does not change pixels, as Pillow has it.
void pass_over_png(png_structp /*png*/, png_const_charp /*words*/) {}

void give_png(png_structp png, png_bytep out, std::size_t count) {
  auto* reading = static_cast<PngReading*>(png_get_io_ptr(png));
  if (count > reading->bytes.size() - reading->at) png_error(png, "the file ends here");
  std::memcpy(out, reading->bytes.data() + reading->at, count);
  reading->at += count;
}

/// Reads up to the pixels and says how they are to come: grey or colours of 8 bits, three values a pixel; an
/// index a byte; grey of 16 bits, two bytes. False with libpng's words in `reading`.
bool begin_png(PngReading& reading) {
  if (setjmp(reading.caller) != 0) return false;
  reading.info = png_create_info_struct(reading.png);
  if (reading.info == nullptr) png_error(reading.png, "there is no memory");
  png_set_read_fn(reading.png, &reading, give_png);
  png_set_crc_action(reading.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  // All chunks but those that pixels need: what is in the others must neither take memory nor be inflated.
  png_set_keep_unknown_chunks(reading.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reading.png, reading.info);
  const unsigned colours = png_get_color_type(reading.png, reading.info);
  const bool wide_grey = colours == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(reading.png, reading.info) == 16;
  if (colours == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(reading.png);
  } else if (!wide_grey) {
    png_set_strip_16(reading.png);
    png_set_strip_alpha(reading.png);
    if (colours == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(reading.png);
    if ((colours & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(reading.png);
  }
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  return true;
}

/// Reads all rows, one behind the other, and what follows them; false as above.
bool read_png_rows(PngReading& reading, unsigned char* first, std::size_t row_bytes, int height) {
  if (setjmp(reading.caller) != 0) return false;
  const int passes = png_get_interlace_type(reading.png, reading.info) == PNG_INTERLACE_NONE ? 1 : 7;
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < height; ++y) {
      png_read_row(reading.png, first + static_cast<std::size_t>(y) * row_bytes, nullptr);
    }
  }
  png_read_end(reading.png, nullptr);
  return true;
}

/// Spreads indices that lie in the last third of the pixels' bytes; those beyond the palette are black.
void spread_indices(const PngReading& reading, Picture& picture) {
  png_colorp palette = nullptr;
  int entries = 0;
  png_get_PLTE(reading.png, reading.info, &palette, &entries);
  std::array<png_color, 256> colours{};
  std::copy_n(palette, std::clamp(entries, 0, 256), colours.begin());
  const std::size_t pixels = picture.rgb.size() / 3;
  for (std::size_t i = 0; i < pixels; ++i) {
    const png_color colour = colours[picture.rgb[2 * pixels + i]];
    picture.rgb[3 * i] = colour.red;
    picture.rgb[3 * i + 1] = colour.green;
    picture.rgb[3 * i + 2] = colour.blue;
  }
}

/// Spreads grey values of 16 bits that lie in the last two thirds. Pillow cuts them off at 255.
void spread_wide_grey(Picture& picture) {
  const std::size_t pixels = picture.rgb.size() / 3;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t high = picture.rgb[pixels + 2 * i];
    const std::uint8_t low = picture.rgb[pixels + 2 * i + 1];
    std::fill_n(picture.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, high == 0 ? low : 255);
  }
}

}  // namespace

void decode_png(const std::string& file, std::span<const std::byte> bytes, Picture& picture) {
  PngReading reading(bytes);
  const auto refuse = [&](std::string_view words) {
    refuse_picture(file, reading.at, "a whole PNG picture", std::string(words));
  };
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, fail_png, pass_over_png);
  if (reading.png == nullptr) refuse("libpng did not start");
  if (!begin_png(reading)) refuse(reading.words.data());
  const std::size_t row_bytes = png_get_rowbytes(reading.png, reading.info);
  const auto width = static_cast<std::size_t>(picture.width);
  const std::size_t values = row_bytes / width;
  if (png_get_image_width(reading.png, reading.info) != width ||
      png_get_image_height(reading.png, reading.info) != static_cast<std::size_t>(picture.height) ||
      values < 1 || values > 3 || row_bytes != values * width) {
    refuse("another size");
  }
  // Pixels of fewer bytes are read into the end, and spread from the front.
  const std::size_t begin = (3 - values) * (picture.rgb.size() / 3);
  if (!read_png_rows(reading, picture.rgb.data() + begin, row_bytes, picture.height)) {
    refuse(reading.words.data());
  }
  if (values == 1) spread_indices(reading, picture);
  if (values == 2) spread_wide_grey(picture);
}

}  // namespace ditmill::models::pictures
