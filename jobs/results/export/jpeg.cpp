#include "jobs/results/export/jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
// Needs size_t and FILE before it.
#include <jpeglib.h>

#include <array>
#include <memory>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

/// libjpeg reports through a function that must not return; an exception must not pass its C frames.
struct Failure {
  jpeg_error_mgr manager;
  std::jmp_buf caller;
  std::array<char, JMSG_LENGTH_MAX> words;
};

[[noreturn]] void fail(j_common_ptr state) {
  auto* failure = reinterpret_cast<Failure*>(state->err);
  failure->manager.format_message(state, failure->words.data());
  std::longjmp(failure->caller, 1);
}

struct Encoded {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

/// Encodes; false with the words of libjpeg in `failure`. Holds nothing that a longjmp could leak.
bool encode(const Picture& picture, int quality, Encoded& encoded, Failure& failure) {
  jpeg_compress_struct state{};
  state.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = fail;
  if (setjmp(failure.caller) != 0) {
    jpeg_destroy_compress(&state);
    encoded = {};  // may point to what libjpeg has replaced: lost memory is better than memory freed twice
    return false;
  }
  jpeg_create_compress(&state);
  jpeg_mem_dest(&state, &encoded.bytes, &encoded.size);
  state.image_width = static_cast<JDIMENSION>(picture.width);
  state.image_height = static_cast<JDIMENSION>(picture.height);
  state.input_components = 3;
  state.in_color_space = JCS_RGB;
  jpeg_set_defaults(&state);
  jpeg_set_quality(&state, quality, TRUE);
  state.optimize_coding = TRUE;
  jpeg_start_compress(&state, TRUE);
  while (state.next_scanline < state.image_height) {
    // libjpeg reads rows through a pointer that is not const.
    JSAMPROW row = const_cast<JSAMPROW>(picture.rgb.data() + static_cast<std::size_t>(state.next_scanline) *
                                                                 state.image_width * 3);
    jpeg_write_scanlines(&state, &row, 1);
  }
  jpeg_finish_compress(&state);
  jpeg_destroy_compress(&state);
  return true;
}

}  // namespace

std::string jpeg_bytes(const Picture& picture, int quality) {
  constexpr const char* doing = "encode a JPEG picture";
  const bool fits = picture.width > 0 && picture.height > 0 &&
                    picture.rgb.size() == static_cast<std::size_t>(picture.width) *
                                              static_cast<std::size_t>(picture.height) * 3;
  if (!fits) {
    throw Error(
        Category::internal, doing, {},
        Expected{std::to_string(picture.width) + " x " + std::to_string(picture.height) + " pixels of RGB"},
        Got{std::to_string(picture.rgb.size()) + " bytes"});
  }
  Encoded encoded;
  Failure failure{};
  const bool done = encode(picture, quality, encoded, failure);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owned(encoded.bytes, &std::free);
  if (!done) throw Error(Category::internal, doing, {}, {}, Got{failure.words.data()});
  return {reinterpret_cast<const char*>(encoded.bytes), encoded.size};
}

}  // namespace ditmill::jobs::results
