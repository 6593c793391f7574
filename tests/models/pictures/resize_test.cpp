#include "models/pictures/resize.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "configs/error.h"
#include "models/pictures/model_input.h"
#include "models/pictures/picture_sizes.h"
#include "tests/models/pictures/picture_files.h"

namespace ditmill::models::pictures {
namespace {

int drawn(std::mt19937_64& random, int most) {
  return 1 + static_cast<int>(random() % static_cast<std::uint64_t>(most));
}

Picture cropped(const Picture& picture, int x, int y, int width, int height) {
  Picture out{width, height, {}};
  for (int row = y; row < y + height; ++row) {
    const auto from = picture.rgb.begin() + 3 * (std::ptrdiff_t{row} * picture.width + x);
    out.rgb.insert(out.rgb.end(), from, from + std::ptrdiff_t{3} * width);
  }
  return out;
}

TEST(Resize, KeepsAPictureOfThatSize) {
  auto random = fresh_generator();
  const Picture picture = random_picture(random, 31, 17);
  EXPECT_EQ(resize(picture, 31, 17, Filter::lanczos), picture);
  EXPECT_EQ(resize(picture, 31, 17, Filter::bicubic), picture);
}

TEST(Resize, MakesAPartAsItMakesTheWhole) {
  auto random = fresh_generator();
  for (int i = 0; i < 60; ++i) {
    const Picture picture = random_picture(random, drawn(random, 80), drawn(random, 80));
    const int width = i % 10 == 0 ? picture.width : drawn(random, 90);
    const int height = i % 10 == 1 ? picture.height : drawn(random, 90);
    const Filter filter = i % 2 == 0 ? Filter::lanczos : Filter::bicubic;
    const int x = drawn(random, width) - 1;
    const int y = drawn(random, height) - 1;
    const int wide = drawn(random, width - x);
    const int high = drawn(random, height - y);
    EXPECT_EQ(resize_part(picture, {width, x, x + wide}, {height, y, y + high}, filter),
              cropped(resize(picture, width, height, filter), x, y, wide, high))
        << picture.width << " x " << picture.height << " to " << width << " x " << height;
  }
}

TEST(Resize, RefusesWhatHasNoPixels) {
  const Picture picture{2, 2, std::vector<std::uint8_t>(12)};
  EXPECT_THROW(resize(picture, 0, 2, Filter::lanczos), Error);
  EXPECT_THROW(resize(picture, 2, -1, Filter::lanczos), Error);
  EXPECT_THROW(resize({2, 2, std::vector<std::uint8_t>(11)}, 1, 1, Filter::lanczos), Error);
  EXPECT_THROW(resize_part(picture, {4, 3, 5}, {4, 0, 4}, Filter::lanczos), Error);
  EXPECT_THROW(clip_pixels({}), Error);
  EXPECT_THROW(to_model_range({}), Error);
}

TEST(ClipPixels, TakeLittleOfAStripHoweverLong) {
  // Whole, its long side would come to 4,480,000 pixels.
  auto random = fresh_generator();
  EXPECT_EQ(clip_pixels(random_picture(random, 20000, 1)).size(), 3U * 224 * 224);
  EXPECT_EQ(clip_pixels(random_picture(random, 1, 20000)).size(), 3U * 224 * 224);
}

TEST(ToModelRange, GoesFromMinusOneToOneByColour) {
  EXPECT_EQ(to_model_range({2, 1, {0, 255, 51, 255, 0, 51}}),
            (std::vector<float>{-1, 1, 1, -1, 2 * (51.0F / 255) - 1, 2 * (51.0F / 255) - 1}));
}

constexpr std::int64_t area_480p = std::int64_t{480} * 832;
constexpr std::int64_t area_720p = std::int64_t{720} * 1280;
constexpr std::int64_t area_704p = std::int64_t{704} * 1280;

TEST(PictureSizes, AreThoseOfTheFactsTables) {
  using configs::FrameSize;
  struct Row {
    int width;
    int height;
    FrameSize at_480p;
    FrameSize at_720p;
  };
  const std::vector<Row> rows{{832, 480, {832, 480}, {1264, 720}},  {480, 832, {480, 832}, {720, 1264}},
                              {1280, 720, {832, 464}, {1280, 720}}, {1920, 1080, {832, 464}, {1280, 720}},
                              {1024, 1024, {624, 624}, {960, 960}}, {640, 427, {768, 512}, {1168, 784}}};
  for (const Row& row : rows) {
    EXPECT_EQ(size_by_area(row.width, row.height, area_480p, 16), row.at_480p) << row.width;
    EXPECT_EQ(size_by_area(row.width, row.height, area_720p, 16), row.at_720p) << row.width;
  }
  const std::vector<std::pair<FrameSize, FrameSize>> within{
      {{1280, 704}, {1280, 704}}, {{1920, 1080}, {1248, 704}}, {{832, 480}, {1248, 704}},
      {{1024, 1024}, {960, 928}}, {{640, 427}, {1152, 768}},   {{3000, 1000}, {1632, 544}}};
  for (const auto& [from, to] : within) {
    EXPECT_EQ(size_within_area(from.width, from.height, area_704p, 32), to) << from.width;
  }
}

TEST(PictureSizes, KeepAMultipleOfTheNarrowestSide) {
  EXPECT_EQ(size_by_area(100000, 1, area_480p, 16).height, 16);
  EXPECT_EQ(size_within_area(1, 100000, area_480p, 16).width, 16);
  EXPECT_THROW(size_by_area(0, 1, area_480p, 16), Error);
  EXPECT_THROW(size_within_area(1, 1, area_480p, 0), Error);
}

}  // namespace
}  // namespace ditmill::models::pictures
