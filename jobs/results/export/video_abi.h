#pragma once

#include <cstddef>
#include <cstdint>

/// What libditmill_video.so offers to both executables. The seam is plain C, so that the 136 shared libraries
/// of libav are loaded by those who handle video, and only when they do.
namespace ditmill::jobs::results::video_abi {

inline constexpr const char* library_file = "libditmill_video.so";
/// Changes with anything below: a library of another version then lacks the symbol, and nothing is called.
inline constexpr const char* entry_point = "ditmill_video_abi_1";

enum class Result : int {
  done,
  bad_input,    ///< no video that this can decode, or one of another size
  memory,       ///< an allocation failed
  unsupported,  ///< this libav lacks a part
  failed,       ///< libav refused what should work
};

/// Where the diagnosis goes: NUL-terminated, cut to fit.
struct Message {
  char* text;
  std::size_t room;
};

/// Frames of 8-bit RGB [frames, height, width, 3].
struct Shape {
  std::int64_t frames;
  int height;
  int width;
};

/// How to encode: H.264 in MP4.
struct Encoding {
  int rate_numerator;  ///< frames in rate_denominator seconds
  int rate_denominator;
  int crf;
  const char* pixel_format;  ///< libav's name
};

/// Who takes an encoded file.
struct Taker {
  void* context;
  /// Room for the whole file, or null if there is none. Called once.
  std::uint8_t* (*allocate)(void* context, std::size_t bytes);
};

/// None of these throws.
struct Functions {
  /// Whether libav has all that the others need.
  Result (*ready)(Message);
  /// Encodes with one thread. The same frames give the same bytes.
  Result (*encode)(const std::uint8_t* rgb, Shape, Encoding, Taker, Message);
  /// Decodes a video of exactly that shape into `rgb`, which has room for it.
  Result (*decode)(const std::uint8_t* mp4, std::size_t bytes, Shape, std::uint8_t* rgb, Message);
};

/// What `entry_point` names.
using EntryPoint = const Functions* (*)();

}  // namespace ditmill::jobs::results::video_abi
