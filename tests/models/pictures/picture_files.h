#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "models/pictures/picture.h"

namespace ditmill::models::pictures {

/// A fresh generator, whose seed is printed; $DITMILL_TEST_SEED repeats a run.
std::mt19937_64 fresh_generator();
/// Noise over a slope, so that coders have something to do.
Picture random_picture(std::mt19937_64& random, int width, int height);

/// A number's bytes, the highest or the lowest first.
std::string big_endian_bytes(std::uint64_t value, int bytes);
std::string little_endian_bytes(std::uint64_t value, int bytes);

inline constexpr std::string_view png_signature{"\x89PNG\r\n\x1a\n", 8};
/// A chunk of a PNG, with its checksum.
std::string png_chunk(std::string_view name, std::string_view content);
std::string png_header_chunk(std::uint32_t width, std::uint32_t height, int depth = 8, int colours = 2);
/// A PNG of 8-bit RGB with these chunks before and behind its pixels.
std::string png_file(const Picture& picture, std::string_view before = {}, std::string_view after = {});

/// A segment of a JPEG.
std::string jpeg_segment(int marker, std::string_view content);
/// A JPEG with these segments behind its begin.
std::string jpeg_file(const Picture& picture, bool progressive, std::string_view segments = {});

/// A WebP of chunks, each named and padded.
std::string webp_of(std::string_view chunks);
std::string webp_chunk(std::string_view name, std::string_view content);
/// VP8X: flags and the canvas.
std::string webp_extended(int flags, int width, int height);
std::string webp_file(const Picture& picture, bool lossless);

/// EXIF data whose only entry is the orientation.
std::string exif_of(int orientation);

}  // namespace ditmill::models::pictures
