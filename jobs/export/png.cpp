#include "jobs/export/png.h"

#include <png.h>

#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <memory>

#include "configs/error.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// libpng reports errors by longjmp: nothing with a destructor may live in here. Returns whether all was
/// written.
bool encode(std::FILE* file, const Image& image) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < image.height; ++y) {
    png_write_row(png, image.pixels.data() + static_cast<std::size_t>(y) * image.width * 3);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return std::fflush(file) == 0;
}

}  // namespace

void write_png(const Image& image, const std::string& path) {
  const std::string temporary = path + ".tmp";
  std::unique_ptr<std::FILE, CloseFile> file{std::fopen(temporary.c_str(), "wbe")};
  if (!file) throw system_error(errno, "create a picture", Where{.file = temporary});
  errno = 0;
  if (!encode(file.get(), image)) {
    throw system_error(errno == 0 ? EIO : errno, "write a picture", Where{.file = temporary});
  }
  file.reset();
  durable::publish(temporary, path);
}

}  // namespace ditmill::jobs
