#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "configs/error.h"
#include "jobs/results/export/contact_sheet.h"
#include "jobs/results/export/font.h"
#include "jobs/results/export/picture.h"
#include "jobs/results/export/png.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Picture read_png(const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_file(&image, path.c_str()), 0) << image.message;
  image.format = PNG_FORMAT_RGB;
  Picture picture = Picture::blank(static_cast<int>(image.width), static_cast<int>(image.height), 0);
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr), 0) << image.message;
  return picture;
}

Picture gradient(int width, int height) {
  Picture picture = Picture::blank(width, height, 0);
  std::iota(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{3});
  return picture;
}

TEST(Png, KeepsEveryPixel) {
  const TempFolder folder;
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(7, 3), std::pair(300, 2)}) {
    const Picture picture = gradient(width, height);
    write_png(folder.path() + "/a.png", picture);
    const Picture read = read_png(folder.path() + "/a.png");
    EXPECT_EQ(read.width, width);
    EXPECT_EQ(read.height, height);
    EXPECT_EQ(read.rgb, picture.rgb);
  }
}

TEST(Png, SaysWhereItCannotBeWritten) {
  const TempFolder folder;
  const struct {
    std::string path;
    Category category;
  } cases[] = {{folder.path(), Category::io},
               {folder.path() + "/no/a.png", Category::not_found},
               {"/dev/full", Category::no_space}};
  for (const auto& [path, category] : cases) {
    try {
      write_png(path, gradient(4, 4));
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), category) << error.what();
      EXPECT_EQ(error.where().file, path);
    }
  }
}

TEST(Png, RefusesBytesThatDoNotFitTheSize) {
  for (Picture picture : {Picture{}, Picture{.width = 2, .height = 2, .rgb = std::vector<std::uint8_t>(11)},
                          Picture{.width = -1, .height = -1, .rgb = std::vector<std::uint8_t>(3)}}) {
    EXPECT_THROW(png_bytes(picture), Error);
  }
}

TEST(PictureFitted, IsTheMeanOfWhatItCovers) {
  Picture picture = Picture::blank(4, 2, 0);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = static_cast<std::uint8_t>(i / 3 * 10);
  const Picture small = fitted(picture, 2);
  EXPECT_EQ(small.width, 2);
  EXPECT_EQ(small.height, 1);
  EXPECT_THAT(small.rgb, ElementsAre(25, 25, 25, 45, 45, 45));  // (0+10+40+50)/4, (20+30+60+70)/4
}

TEST(PictureFitted, FillsTheSideWithoutLeavingIt) {
  const struct {
    int width, height, fitted_width, fitted_height;
  } cases[] = {{832, 480, 160, 92}, {480, 832, 92, 160}, {160, 160, 160, 160}, {81, 79, 81, 79},
               {64, 32, 128, 64},   {1, 1, 160, 160},    {5000, 3, 160, 1}};
  for (const auto& [width, height, fitted_width, fitted_height] : cases) {
    const Picture picture = fitted(Picture::blank(width, height, 77), 160);
    EXPECT_EQ(picture.width, fitted_width) << width << "x" << height;
    EXPECT_EQ(picture.height, fitted_height) << width << "x" << height;
    EXPECT_THAT(picture.rgb, Each(77));
  }
}

TEST(PicturePaste, CutsOffWhatLiesOutside) {
  for (const auto& [x, y] : {std::pair(-3, -3), std::pair(3, 3), std::pair(-100, 0), std::pair(0, 100)}) {
    Picture picture = Picture::blank(4, 4, 0);
    paste(picture, Picture::blank(4, 4, 9), x, y);
    const auto painted = std::count(picture.rgb.begin(), picture.rgb.end(), 9);
    EXPECT_EQ(painted, std::abs(x) + std::abs(y) == 6 ? 3 : 0) << x << "," << y;
  }
}

TEST(PictureText, IsReadableAndOnlyWhereItBelongs) {
  Picture picture = Picture::blank(20, 9, 0);
  draw_text(picture, "Lt", 1, 1, 1, 1);
  const std::vector<std::string> expected = {
      "....................",  //
      ".#......#...........",  //
      ".#......#...........",  //
      ".#.....###..........",  //
      ".#......#...........",  //
      ".#......#...........",  //
      ".#......#..#........",  //
      ".#####...##.........",  //
      "....................",
  };
  for (std::size_t y = 0; y < expected.size(); ++y) {
    std::string row;
    for (std::size_t x = 0; x < 20; ++x) row += picture.rgb[(y * 20 + x) * 3] != 0 ? '#' : '.';
    EXPECT_EQ(row, expected[y]) << y;
  }
}

TEST(PictureText, HasAGlyphOfItsOwnForEveryCharacterOfAnId) {
  const std::string characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~- ";
  std::set<font::Glyph> glyphs;
  for (const char character : characters) {
    for (const std::uint8_t column : font::glyph(character)) EXPECT_LT(column, 0x80) << character;
    glyphs.insert(font::glyph(character));
  }
  EXPECT_EQ(glyphs.size(), characters.size());
  EXPECT_EQ(font::glyph('\n'), font::glyph('?'));
  EXPECT_EQ(font::glyph('\xc3'), font::glyph('?'));
  EXPECT_NE(font::glyph('~'), font::glyph('?'));
}

TEST(SpreadFrames, TakesFirstAndLastAndWhatLiesBetween) {
  EXPECT_THAT(spread_frames(81, 3), ElementsAre(0, 40, 80));
  EXPECT_THAT(spread_frames(5, 3), ElementsAre(0, 2, 4));
  EXPECT_THAT(spread_frames(2, 3), ElementsAre(0, 1));
  EXPECT_THAT(spread_frames(1, 3), ElementsAre(0));
  EXPECT_THAT(spread_frames(9, 1), ElementsAre(0));
  EXPECT_THAT(spread_frames(0, 3), ElementsAre());
}

TEST(ContactSheet, ShowsEveryStripInAGridAboutAsWideAsHigh) {
  std::vector<Strip> strips;
  for (int i = 1; i <= 14; ++i) {
    const Picture frame = Picture::blank(160, 90, static_cast<std::uint8_t>(100 + i));
    strips.push_back({.caption = "an-id-that-is-far-too-long-for-its-strip-" + std::to_string(i),
                      .frames = {frame, frame, frame}});
  }
  const Picture sheet = contact_sheet(strips);
  for (int i = 1; i <= 14; ++i) {
    EXPECT_EQ(std::count(sheet.rgb.begin(), sheet.rgb.end(), 100 + i), 3 * 160 * 90 * 3) << i;
  }
  EXPECT_LT(sheet.width, 2 * sheet.height);
  EXPECT_LT(sheet.height, 2 * sheet.width);
}

TEST(ContactSheet, HoldsPicturesOfAnySize) {
  const Picture sheet = contact_sheet({{.caption = "a", .frames = {Picture::blank(1, 1, 200)}},
                                       {.caption = "", .frames = {Picture::blank(3000, 10, 201)}}});
  EXPECT_EQ(std::count(sheet.rgb.begin(), sheet.rgb.end(), 200), 160 * 160 * 3);
  EXPECT_GT(std::count(sheet.rgb.begin(), sheet.rgb.end(), 201), 0);
}

}  // namespace
}  // namespace ditmill::jobs::results
