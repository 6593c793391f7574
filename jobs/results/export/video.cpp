#include "jobs/results/export/video.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

using video_abi::Result;

constexpr std::int64_t most_pixels_a_side = 16'384;

std::string library_path() {
  std::error_code failure;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
  std::string beside = (self.parent_path() / video_abi::library_file).string();
  if (access(beside.c_str(), R_OK) == 0) return beside;
  const char* named = std::getenv("DITMILL_VIDEO");
  if (named != nullptr && access(named, R_OK) == 0) return named;
  throw Error{Category::not_found,
              "find the library that encodes video",
              Where{.file = beside},
              Expected{"libditmill_video.so there, or at $DITMILL_VIDEO"},
              Got{named == nullptr ? "neither; DITMILL_VIDEO is not set" : "neither"},
              "build it with ./setup build, or install it beside ditmill"};
}

std::string loader_words() {
  const char* words = dlerror();
  return words == nullptr ? "" : printable(words, 500);
}

Category category_of(Result result) {
  switch (result) {
    case Result::bad_input:
      return Category::bad_input;
    case Result::memory:
      return Category::memory;
    case Result::unsupported:
      return Category::unsupported;
    case Result::done:
    case Result::failed:
      break;
  }
  return Category::internal;
}

/// Room for what the library has to say.
class Words {
 public:
  video_abi::Message message() noexcept { return {.text = text_.data(), .room = text_.size()}; }
  void check(Result result, const std::string& doing, const std::string& library) const {
    if (result == Result::done) return;
    throw Error(category_of(result), doing, Where{.file = library}, {}, Got{printable(text_.data(), 1000)});
  }

 private:
  std::array<char, 2000> text_{};
};

video_abi::Shape abi_shape(const ClipShape& shape) {
  return {.frames = shape.frames,
          .height = static_cast<int>(shape.height),
          .width = static_cast<int>(shape.width)};
}

void check_encoding(std::span<const std::uint8_t> frames, const ClipShape& shape, double fps,
                    const VideoConfig& video) {
  constexpr const char* doing = "encode a video";
  if (frames.size() != shape.bytes()) {
    throw Error(Category::bad_input, doing, {}, Expected{std::to_string(shape.bytes()) + " bytes of RGB"},
                Got{std::to_string(frames.size())});
  }
  configs::Request request;
  request.width = static_cast<int>(shape.width);
  request.height = static_cast<int>(shape.height);
  request.fps = fps;
  for (const Problem& problem : check_video(video, request)) {
    throw Error(Category::bad_input, std::string{doing} + ": " + problem.message, {},
                Expected{problem.expected}, Got{problem.got});
  }
}

}  // namespace

std::size_t ClipShape::bytes() const {
  std::size_t product = 3;
  bool fits = std::max(height, width) <= most_pixels_a_side;
  for (const std::int64_t extent : {frames, height, width}) {
    fits = fits && extent > 0 && !__builtin_mul_overflow(product, static_cast<std::size_t>(extent), &product);
  }
  if (fits) return product;
  throw Error(
      Category::bad_input, "handle a clip", {},
      Expected{"1 frame or more of 1 to " + std::to_string(most_pixels_a_side) + " pixels a side"},
      Got{std::to_string(frames) + " frames of " + std::to_string(width) + " x " + std::to_string(height)});
}

void VideoLibrary::Close::operator()(void* library) const noexcept { dlclose(library); }

VideoLibrary::VideoLibrary() : path_(library_path()), library_(dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  constexpr const char* doing = "load the library that encodes video";
  if (!library_) {
    throw Error(
        Category::io, doing, Where{.file = path_}, {}, Got{loader_words()},
        "it needs the Debian packages libavcodec59, libavformat59, libavutil57 and libswscale6 (./setup "
        "build installs them), or the same versions of libav");
  }
  void* const symbol = dlsym(library_.get(), video_abi::entry_point);
  if (symbol == nullptr) {
    throw Error(Category::unsupported, doing, Where{.file = path_}, Expected{video_abi::entry_point},
                Got{loader_words()}, "it is of another version of ditmill: build or install both again");
  }
  functions_ = reinterpret_cast<video_abi::EntryPoint>(symbol)();
  Words words;
  words.check(functions_->ready(words.message()), doing, path_);
}

std::vector<std::uint8_t> VideoLibrary::encode(std::span<const std::uint8_t> frames, const ClipShape& shape,
                                               double fps, const VideoConfig& video) const {
  check_encoding(frames, shape, fps, video);
  const FrameRate rate = frame_rate(fps).value();
  const std::string pixel_format{name(video.pix_fmt)};
  std::vector<std::uint8_t> file;
  const video_abi::Taker taker{.context = &file, .allocate = [](void* context, std::size_t bytes) {
                                 auto& taken = *static_cast<std::vector<std::uint8_t>*>(context);
                                 try {
                                   taken.resize(bytes);
                                   return taken.data();
                                 } catch (const std::exception&) {
                                   return static_cast<std::uint8_t*>(nullptr);
                                 }
                               }};
  Words words;
  const Result result = functions_->encode(frames.data(), abi_shape(shape),
                                           {.rate_numerator = rate.numerator,
                                            .rate_denominator = rate.denominator,
                                            .crf = video.crf,
                                            .pixel_format = pixel_format.c_str()},
                                           taker, words.message());
  words.check(result, "encode a video", path_);
  return file;
}

std::vector<std::uint8_t> VideoLibrary::decode(std::span<const std::uint8_t> mp4,
                                               const ClipShape& shape) const {
  std::vector<std::uint8_t> frames(shape.bytes());
  Words words;
  const Result result =
      functions_->decode(mp4.data(), mp4.size(), abi_shape(shape), frames.data(), words.message());
  words.check(result, "decode a video", path_);
  return frames;
}

}  // namespace ditmill::jobs::results
