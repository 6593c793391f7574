#include "jobs/results/export/video.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "configs/error.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::HasSubstr;

/// A clip as smooth as a film is: a gradient of all three colours that moves.
std::vector<std::uint8_t> gradient(const ClipShape& shape) {
  std::vector<std::uint8_t> rgb;
  for (std::int64_t t = 0; t < shape.frames; ++t) {
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        rgb.push_back(static_cast<std::uint8_t>(255 * x / shape.width));
        rgb.push_back(static_cast<std::uint8_t>(255 * y / shape.height));
        rgb.push_back(static_cast<std::uint8_t>(255 * (t + 1) / (shape.frames + 1)));
      }
    }
  }
  return rgb;
}

std::vector<std::uint8_t> noise(const ClipShape& shape) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> rgb(shape.bytes());
  for (std::uint8_t& value : rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return rgb;
}

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(double{1} * a[i] - b[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / squares);
}

void expect_error(const std::function<void()>& action, Category category, const std::string& words) {
  try {
    action();
    ADD_FAILURE() << "no error with " << words;
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), category) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

TEST(FrameRate, IsTheSimplestFractionThatIsTheNumber) {
  const struct {
    double fps;
    FrameRate rate;
  } cases[] = {{16, {16, 1}},
               {12.5, {25, 2}},
               {23.976, {2997, 125}},
               {24000.0 / 1001, {24000, 1001}},
               {30000.0 / 1001, {30000, 1001}},
               {29.97, {2997, 100}},
               {1.0 / 3, {1, 3}},
               {0.1, {1, 10}},
               {0.001, {1, 1000}},
               {1000, {1000, 1}},
               {23.976023976, {24000, 1001}}};
  for (const auto& [fps, rate] : cases) {
    ASSERT_TRUE(frame_rate(fps)) << fps;
    EXPECT_EQ(*frame_rate(fps), rate) << frame_rate(fps)->numerator << "/" << frame_rate(fps)->denominator;
  }
  const FrameRate pi = frame_rate(3.14159265358979).value();
  EXPECT_NEAR(double{1} * pi.numerator / pi.denominator, 3.14159265358979, 1e-12);
  for (const double fps : {0.0, -1.0, 0.0009, std::nan(""), 1e300, 5e-324})
    EXPECT_FALSE(frame_rate(fps)) << fps;
}

TEST(Video, DecodesToTheFramesWithinTheCodecsError) {
  const VideoLibrary library;
  const ClipShape shape{.frames = 9, .height = 64, .width = 96};
  const std::vector<std::uint8_t> frames = gradient(shape);
  const struct {
    VideoConfig video;
    double least;
  } cases[] = {{{.crf = 18, .pix_fmt = PixelFormat::yuv420p}, 36},
               {{.crf = 18, .pix_fmt = PixelFormat::yuv422p}, 36},
               {{.crf = 18, .pix_fmt = PixelFormat::yuv444p}, 36},
               {{.crf = 0, .pix_fmt = PixelFormat::yuv444p}, 46}};
  for (const auto& [video, least] : cases) {
    const std::vector<std::uint8_t> file = library.encode(frames, shape, 16, video);
    const double found = psnr(library.decode(file, shape), frames);
    RecordProperty("psnr_" + std::string{name(video.pix_fmt)} + "_" + std::to_string(video.crf),
                   std::to_string(found));
    EXPECT_GT(found, least) << name(video.pix_fmt) << " crf " << video.crf;
    EXPECT_LT(file.size(), frames.size() / 2);
  }
}

TEST(Video, KeepsEveryPrimaryColourWhereItIs) {
  const VideoLibrary library;
  const ClipShape shape{.frames = 2, .height = 32, .width = 32};
  for (const std::array<std::uint8_t, 3>& colour : {std::array<std::uint8_t, 3>{255, 0, 0},
                                                    {0, 255, 0},
                                                    {0, 0, 255},
                                                    {255, 255, 255},
                                                    {0, 0, 0},
                                                    {90, 160, 30}}) {
    std::vector<std::uint8_t> frames;
    while (frames.size() < shape.bytes()) frames.insert(frames.end(), colour.begin(), colour.end());
    const std::vector<std::uint8_t> decoded =
        library.decode(library.encode(frames, shape, 16, {.crf = 1}), shape);
    for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_NEAR(decoded[i], frames[i], 3) << i % 3;
  }
}

TEST(Video, TheSameFramesGiveTheSameBytes) {
  const ClipShape shape{.frames = 5, .height = 32, .width = 48};
  const std::vector<std::uint8_t> frames = gradient(shape);
  const std::vector<std::uint8_t> first = VideoLibrary{}.encode(frames, shape, 16, {});
  EXPECT_EQ(VideoLibrary{}.encode(frames, shape, 16, {}), first);
  EXPECT_NE(VideoLibrary{}.encode(frames, shape, 16, {.crf = 40}), first);
}

TEST(Video, HasItsIndexInFrontOfThePictures) {
  const ClipShape shape{.frames = 3, .height = 32, .width = 32};
  const std::vector<std::uint8_t> file = VideoLibrary{}.encode(noise(shape), shape, 16, {});
  const std::string text(file.begin(), file.end());
  ASSERT_NE(text.find("moov"), std::string::npos);
  EXPECT_LT(text.find("moov"), text.find("mdat"));
}

TEST(Video, EncodesEverySizeThatItsPixelFormatCanHave) {
  const VideoLibrary library;
  const struct {
    ClipShape shape;
    PixelFormat format;
  } cases[] = {{{1, 2, 2}, PixelFormat::yuv420p},
               {{1, 1, 1}, PixelFormat::yuv444p},
               {{3, 7, 13}, PixelFormat::yuv444p},
               {{3, 7, 14}, PixelFormat::yuv422p},
               {{2, 18, 1026}, PixelFormat::yuv420p}};
  for (const auto& [shape, format] : cases) {
    const std::vector<std::uint8_t> file =
        library.encode(noise(shape), shape, 16, {.crf = 18, .pix_fmt = format});
    EXPECT_EQ(library.decode(file, shape).size(), shape.bytes());
  }
}

TEST(Video, RefusesWhatItCannotEncode) {
  const VideoLibrary library;
  const auto encode = [&](const ClipShape& shape, double fps) {
    return
        [&library, shape, fps] { library.encode(std::vector<std::uint8_t>(shape.bytes()), shape, fps, {}); };
  };
  expect_error(encode({1, 2, 3}, 16), Category::bad_input, "width must be even");
  expect_error(encode({1, 3, 2}, 16), Category::bad_input, "height must be even");
  expect_error(encode({1, 2, 2}, 1e-9), Category::bad_input, "fps");
  expect_error(encode({0, 2, 2}, 16), Category::bad_input, "1 frame or more");
  expect_error(
      [&] {
        library.encode(std::vector<std::uint8_t>(11), {1, 2, 2}, 16, {});
      },
      Category::bad_input, "12 bytes of RGB");
}

TEST(Video, TakesNoMoreBytesThanTheEstimate) {
  const ClipShape shape{.frames = 4, .height = 96, .width = 128};
  configs::Request request;
  request.width = 128;
  request.height = 96;
  request.frames = 4;
  for (const auto& [word, format] : pixel_formats) {
    const VideoConfig video{.crf = 0, .pix_fmt = format};
    const std::size_t bytes = VideoLibrary{}.encode(noise(shape), shape, 16, video).size();
    EXPECT_LE(bytes, most_video_bytes(video, request)) << word;
    EXPECT_GT(bytes, most_video_bytes(video, request) / 2) << word << ": the bound is near";
  }
}

TEST(Video, RefusesToDecodeWhatIsDamagedOrOfAnotherShape) {
  const VideoLibrary library;
  const ClipShape shape{.frames = 6, .height = 32, .width = 48};
  const std::vector<std::uint8_t> file = library.encode(noise(shape), shape, 16, {});
  expect_error([&] { library.decode(file, {5, 32, 48}); }, Category::bad_input, "more than 5 frames");
  expect_error([&] { library.decode(file, {7, 32, 48}); }, Category::bad_input, "6 frames, not 7");
  expect_error([&] { library.decode(file, {6, 32, 46}); }, Category::bad_input, "48 x 32, not 46 x 32");
  expect_error([&] { library.decode(std::vector<std::uint8_t>(5000), shape); }, Category::bad_input, "");
  expect_error([&] { library.decode({}, shape); }, Category::bad_input, "");
  for (std::size_t size = 0; size < file.size(); size += 997) {
    EXPECT_THROW(library.decode(std::span(file).first(size), shape), Error) << size;
  }
}

TEST(VideoLibrary, SaysWhereItShouldBeIfItIsMissing) {
  const std::string there = std::getenv("DITMILL_VIDEO");
  const tests::TempFolder folder;
  ASSERT_EQ(setenv("DITMILL_VIDEO", (folder / "none.so").c_str(), 1), 0);
  expect_error([] { VideoLibrary{}; }, Category::not_found, "./setup build");
  setenv("DITMILL_VIDEO", folder.write("text.so", "no library").c_str(), 1);
  expect_error([] { VideoLibrary{}; }, Category::io, "libavcodec59");
  setenv("DITMILL_VIDEO", "/lib/x86_64-linux-gnu/libz.so.1", 1);
  expect_error([] { VideoLibrary{}; }, Category::unsupported, "another version of ditmill");
  setenv("DITMILL_VIDEO", there.c_str(), 1);
}

}  // namespace
}  // namespace ditmill::jobs::results
