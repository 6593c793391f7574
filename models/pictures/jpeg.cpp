#include <csetjmp>
#include <cstdio>
// Needs size_t and FILE before it.
#include <jpeglib.h>
// Needs jpeglib.h before it.
#include <jerror.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "models/pictures/decoders.h"
#include "models/pictures/header_bytes.h"

namespace ditmill::models::pictures {
namespace {

/// More scans than any encoder writes: each may go over the whole picture for a few bytes of the file.
constexpr int most_scans = 100;

/// libjpeg reports through functions that must not return; an exception must not pass its C frames.
struct JpegReading {
  jpeg_decompress_struct state = {};
  jpeg_error_mgr manager = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf caller = {};
  std::array<char, JMSG_LENGTH_MAX> words = {};
  std::size_t left = 0;  ///< bytes that were not read when it failed
};

/// What libjpeg calls back with; its own part of a reading is all that it knows.
JpegReading& reading_of(j_common_ptr state) { return *static_cast<JpegReading*>(state->client_data); }

[[noreturn]] void fail_jpeg(j_common_ptr state) {
  JpegReading& reading = reading_of(state);
  reading.manager.format_message(state, reading.words.data());
  if (reading.state.src != nullptr) reading.left = reading.state.src->bytes_in_buffer;
  std::longjmp(reading.caller, 1);
}

[[noreturn]] void fail_jpeg_with(j_common_ptr state, std::string_view words) {
  JpegReading& reading = reading_of(state);
  std::ranges::copy(words, reading.words.begin());
  std::longjmp(reading.caller, 1);
}

/// After these warnings pixels are grey or wrong; Pillow takes them all.
void note_jpeg(j_common_ptr state, int level) {
  constexpr std::array damage{JWRN_ARITH_BAD_CODE, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF,
                              JWRN_MUST_RESYNC};
  if (level < 0 && std::ranges::count(damage, state->err->msg_code) > 0) fail_jpeg(state);
}

void count_scans(j_common_ptr state) {
  if (reading_of(state).state.input_scan_number > most_scans) fail_jpeg_with(state, "more than 100 scans");
}

// CMYK as Adobe writes it, 255 where there is no ink: Pillow inverts all four and then takes each colour from
// what black leaves, rounded.
void to_rgb(const JSAMPLE* cmyk, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x) {
    const int white = cmyk[4 * x + 3];
    for (int colour = 0; colour < 3; ++colour) {
      const int product = (255 - cmyk[4 * x + colour]) * white + 128;
      rgb[3 * x + colour] = static_cast<std::uint8_t>(std::max(white - ((product >> 8) + product) / 256, 0));
    }
  }
}

void start_jpeg(JpegReading& reading, std::span<const std::byte> bytes, const Picture& picture) {
  jpeg_create_decompress(&reading.state);
  reading.progress.progress_monitor = count_scans;
  reading.state.progress = &reading.progress;
  jpeg_mem_src(&reading.state, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&reading.state, TRUE);
  if (reading.state.image_width != static_cast<JDIMENSION>(picture.width) ||
      reading.state.image_height != static_cast<JDIMENSION>(picture.height)) {
    fail_jpeg_with(reinterpret_cast<j_common_ptr>(&reading.state), "another size");
  }
  reading.state.out_color_space = reading.state.num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&reading.state);
}

/// Decodes; false with the words of libjpeg in `reading`. Holds nothing that a longjmp could leak.
bool read_jpeg(JpegReading& reading, std::span<const std::byte> bytes, Picture& picture) {
  if (setjmp(reading.caller) != 0) {
    jpeg_destroy_decompress(&reading.state);
    return false;
  }
  start_jpeg(reading, bytes, picture);
  const bool cmyk = reading.state.out_color_space == JCS_CMYK;
  const JSAMPARRAY inks =
      cmyk ? reading.state.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&reading.state), JPOOL_IMAGE,
                                             reading.state.output_width * 4, 1)
           : nullptr;
  while (reading.state.output_scanline < reading.state.output_height) {
    JSAMPROW row = picture.rgb.data() +
                   static_cast<std::size_t>(reading.state.output_scanline) * reading.state.output_width * 3;
    if (cmyk) {
      jpeg_read_scanlines(&reading.state, inks, 1);
      to_rgb(inks[0], picture.width, row);
    } else {
      jpeg_read_scanlines(&reading.state, &row, 1);
    }
  }
  jpeg_finish_decompress(&reading.state);
  jpeg_destroy_decompress(&reading.state);
  return true;
}

}  // namespace

void decode_jpeg(const std::string& file, std::span<const std::byte> bytes, Picture& picture) {
  JpegReading reading;
  reading.state.err = jpeg_std_error(&reading.manager);
  reading.state.client_data = &reading;
  reading.manager.error_exit = fail_jpeg;
  reading.manager.emit_message = note_jpeg;
  if (read_jpeg(reading, bytes, picture)) return;
  const std::size_t left = std::min(reading.left, bytes.size());
  refuse_picture(file, bytes.size() - left, "a whole JPEG picture", reading.words.data());
}

}  // namespace ditmill::models::pictures
