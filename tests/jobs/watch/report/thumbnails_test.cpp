#include "jobs/watch/report/thumbnails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "configs/error.h"
#include "jobs/results/export/jpeg.h"

namespace ditmill::jobs::watch {
namespace {

results::Picture noise(int width, int height, std::int64_t seed) {
  results::Picture picture = results::Picture::blank(width, height, 0);
  std::mt19937 random(static_cast<unsigned>(seed));
  for (std::uint8_t& value : picture.rgb) value = static_cast<std::uint8_t>(random());
  return picture;
}

TEST(Thumbnails, OfAFewItemsAreLargeAndManyFrames) {
  ThumbnailMaker maker(10, ThumbnailMaker::budget(10));
  const Sprite sprite = maker.make(81, [](std::int64_t) { return results::Picture::blank(832, 480, 90); });
  EXPECT_EQ(sprite.width, 320);
  EXPECT_EQ(sprite.height, 184);
  EXPECT_EQ(sprite.frames, 16);
  EXPECT_FALSE(maker.shrank());
}

TEST(Thumbnails, KeepSmallPicturesAndShortClipsAsTheyAre) {
  ThumbnailMaker maker(1, ThumbnailMaker::budget(1));
  const Sprite sprite = maker.make(3, [](std::int64_t index) { return noise(48, 31, index); });
  EXPECT_EQ(sprite.width, 48);
  EXPECT_EQ(sprite.height, 31);
  EXPECT_EQ(sprite.frames, 3);
}

TEST(Thumbnails, ShrinkSoThatAllOfThemKeepToTheBudget) {
  constexpr std::size_t items = 300;
  constexpr std::uint64_t bytes = items * 9'000;
  ThumbnailMaker maker(items, bytes);
  std::uint64_t used = 0;
  for (std::size_t i = 0; i < items; ++i) {
    const Sprite sprite = maker.make(
        8, [i](std::int64_t index) { return noise(64, 64, static_cast<std::int64_t>(8 * i) + index); });
    maker.next();
    EXPECT_GE(sprite.frames, 4);
    used += sprite.jpeg.size();
  }
  EXPECT_LE(used, bytes);
  EXPECT_GE(used, bytes / 2) << "the budget is there to be used";
  EXPECT_TRUE(maker.shrank());
}

TEST(Thumbnails, LeaveTheShareOfAnItemWithoutPicturesToTheOthers) {
  ThumbnailMaker maker(2, 40'000);
  EXPECT_THROW(maker.make(8,
                          [](std::int64_t) -> results::Picture {
                            throw Error{Category::bad_input, "read a frame"};
                          }),
               Error);
  maker.next();
  const Sprite sprite = maker.make(8, [](std::int64_t index) { return noise(64, 64, index); });
  EXPECT_GT(sprite.jpeg.size(), 20'000u);
}

TEST(Thumbnails, TogetherStayBelowTheSizeOfAPageThatOpens) {
  for (const std::size_t items : {1u, 1'000u, 10'000u, 1'000'000u}) {
    EXPECT_LE(ThumbnailMaker::budget(items), 90'000'000u);
  }
  EXPECT_LE(ThumbnailMaker::budget(1'000), 31'000'000u);
}

TEST(Jpeg, IsWhatBrowsersKnowAndTheSameEachTime) {
  const results::Picture picture = noise(33, 17, 1);
  const std::string bytes = results::jpeg_bytes(picture, 60);
  EXPECT_EQ(bytes.substr(0, 3), "\xff\xd8\xff");
  EXPECT_EQ(bytes.substr(bytes.size() - 2), "\xff\xd9");
  EXPECT_EQ(bytes, results::jpeg_bytes(picture, 60));
  EXPECT_LT(bytes.size(), results::jpeg_bytes(picture, 90).size());
}

TEST(Jpeg, RefusesWhatIsNoPictureOfItsKind) {
  EXPECT_THROW(results::jpeg_bytes(results::Picture{}, 60), Error);
  EXPECT_THROW(results::jpeg_bytes(
                   results::Picture{.width = 2, .height = 2, .rgb = std::vector<std::uint8_t>(11)}, 60),
               Error);
  try {
    results::jpeg_bytes(results::Picture::blank(70'000, 1, 0), 60);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.got(), ::testing::HasSubstr("65500")) << error.what();
  }
}

}  // namespace
}  // namespace ditmill::jobs::watch
