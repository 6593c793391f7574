#include "tests/models/pictures/picture_files.h"

#include <cstdio>
#include <cstdlib>
// Needs size_t and FILE before it.
#include <jpeglib.h>
#include <webp/encode.h>
#include <zlib.h>

#include <algorithm>
#include <iostream>
#include <memory>

namespace ditmill::models::pictures {

std::mt19937_64 fresh_generator() {
  const char* given = std::getenv("DITMILL_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "DITMILL_TEST_SEED=" << seed << "\n";
  return std::mt19937_64{seed};
}

Picture random_picture(std::mt19937_64& random, int width, int height) {
  Picture picture{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) {
    picture.rgb.push_back(static_cast<std::uint8_t>(i / 7 + static_cast<int>(random() % 40)));
  }
  return picture;
}

std::string big_endian_bytes(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string little_endian_bytes(std::uint64_t value, int bytes) {
  std::string text = big_endian_bytes(value, bytes);
  std::ranges::reverse(text);
  return text;
}

std::string png_chunk(std::string_view name, std::string_view content) {
  const std::string checked = std::string(name) + std::string(content);
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian_bytes(content.size(), 4) + checked + big_endian_bytes(sum, 4);
}

std::string png_header_chunk(std::uint32_t width, std::uint32_t height, int depth, int colours) {
  std::string content = big_endian_bytes(width, 4) + big_endian_bytes(height, 4);
  content += static_cast<char>(depth);
  content += static_cast<char>(colours);
  return png_chunk("IHDR", content + std::string(3, '\0'));
}

std::string png_file(const Picture& picture, std::string_view before, std::string_view after) {
  std::string rows;
  const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * 3;
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(picture.rgb.data() + y * row_bytes), row_bytes);
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
           rows.size());
  packed.resize(size);
  return std::string(png_signature) +
         png_header_chunk(static_cast<std::uint32_t>(picture.width),
                          static_cast<std::uint32_t>(picture.height)) +
         std::string(before) + png_chunk("IDAT", packed.substr(0, size / 2)) +
         png_chunk("IDAT", packed.substr(size / 2)) + std::string(after) + png_chunk("IEND", "");
}

std::string jpeg_segment(int marker, std::string_view content) {
  return "\xff" + std::string(1, static_cast<char>(marker)) + big_endian_bytes(content.size() + 2, 2) +
         std::string(content);
}

std::string jpeg_file(const Picture& picture, bool progressive, std::string_view segments) {
  jpeg_compress_struct state{};
  jpeg_error_mgr manager{};
  state.err = jpeg_std_error(&manager);
  jpeg_create_compress(&state);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &bytes, &size);
  state.image_width = static_cast<JDIMENSION>(picture.width);
  state.image_height = static_cast<JDIMENSION>(picture.height);
  state.input_components = 3;
  state.in_color_space = JCS_RGB;
  jpeg_set_defaults(&state);
  if (progressive) jpeg_simple_progression(&state);
  jpeg_start_compress(&state, TRUE);
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.rgb.data() + y * static_cast<std::size_t>(picture.width) * 3);
    jpeg_write_scanlines(&state, &row, 1);
  }
  jpeg_finish_compress(&state);
  jpeg_destroy_compress(&state);
  const std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file.substr(0, 2) + std::string(segments) + file.substr(2);
}

std::string webp_of(std::string_view chunks) {
  return "RIFF" + little_endian_bytes(chunks.size() + 4, 4) + "WEBP" + std::string(chunks);
}

std::string webp_chunk(std::string_view name, std::string_view content) {
  return std::string(name) + little_endian_bytes(content.size(), 4) + std::string(content) +
         std::string(content.size() % 2, '\0');
}

std::string webp_extended(int flags, int width, int height) {
  return webp_chunk("VP8X", little_endian_bytes(static_cast<std::uint64_t>(flags), 4) +
                                little_endian_bytes(static_cast<std::uint64_t>(width - 1), 3) +
                                little_endian_bytes(static_cast<std::uint64_t>(height - 1), 3));
}

std::string webp_file(const Picture& picture, bool lossless) {
  std::uint8_t* bytes = nullptr;
  const std::size_t size = lossless ? WebPEncodeLosslessRGB(picture.rgb.data(), picture.width, picture.height,
                                                            picture.width * 3, &bytes)
                                    : WebPEncodeRGB(picture.rgb.data(), picture.width, picture.height,
                                                    picture.width * 3, 80, &bytes);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  return file;
}

std::string exif_of(int orientation) {
  return std::string{"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19} +
         static_cast<char>(orientation) + std::string(6, '\0');
}

}  // namespace ditmill::models::pictures
