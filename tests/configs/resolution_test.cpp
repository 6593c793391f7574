#include "configs/resolution.h"

#include <gmock/gmock.h>

namespace ditmill::configs {
namespace {

TEST(Resolution, GivesSizesThatModelsAccept) {
  struct Case {
    const char* resolution;
    const char* aspect_ratio;
    FrameSize size;
  };
  const std::vector<Case> cases{
      {"480p", "16:9", {832, 480}},    {"480p", "9:16", {480, 832}},    {"480p", "1:1", {624, 624}},
      {"480p", "4:3", {720, 544}},     {"480p", "3:4", {544, 720}},     {"480p", "21:9", {960, 400}},
      {"480p", "32:18", {832, 480}},   {"480p", "3:2", {768, 512}},     {"480p", "2.39:1", {976, 400}},
      {"720p", "16:9", {1280, 720}},   {"720p", "9:16", {720, 1280}},   {"720p", "1:1", {960, 960}},
      {"720p", "4:3", {1104, 816}},    {"720p", "21:9", {1456, 624}},   {"720p", "4:1", {1920, 480}},
      {"1080p", "16:9", {1920, 1088}}, {"1080p", "9:16", {1088, 1920}}, {"1080p", "1:1", {1440, 1440}},
      {"2k", "16:9", {2560, 1440}},    {"2k", "1:1", {1920, 1920}},     {"4k", "16:9", {3840, 2160}},
      {"4k", "9:16", {2160, 3840}},    {"4k", "1:1", {2880, 2880}},     {"480p", "100:1", {6304, 48}},
  };
  for (const Case& each : cases) {
    const std::optional<FrameSize> size = size_of(each.resolution, each.aspect_ratio);
    ASSERT_TRUE(size.has_value()) << each.resolution << " " << each.aspect_ratio;
    EXPECT_EQ(*size, each.size) << each.resolution << " " << each.aspect_ratio << ": " << size->width << "x"
                                << size->height;
  }
}

TEST(Resolution, KeepsTheAreaAtAnyRatio) {
  for (int width = 1; width <= 30; ++width) {
    for (int height = 1; height <= 30; ++height) {
      const std::string ratio = std::to_string(width) + ":" + std::to_string(height);
      const FrameSize size = size_of("480p", ratio).value();
      EXPECT_EQ(size.width % 16, 0) << ratio;
      EXPECT_EQ(size.height % 16, 0) << ratio;
      EXPECT_LE(size.width * size.height, 832 * 480) << ratio;
      EXPECT_GT((size.width + 16) * (size.height + 16), 832 * 480) << ratio;
      EXPECT_EQ(size_of("480p", std::to_string(height) + ":" + std::to_string(width)).value(),
                (FrameSize{size.height, size.width}))
          << ratio;
    }
  }
}

TEST(Resolution, IsNoneWhereItMakesNoClip) {
  for (const char* resolution : {"", "480", "480P", "8k", "p"}) EXPECT_FALSE(size_of(resolution, "16:9"));
  for (const char* ratio : {"", ":", "16", "16:", ":9", "16/9", "0:1", "1:0", "-1:1", "1e3:1", "inf:1",
                            "nan:1", "1:1:1", "1.2.3:1", " 1:1", "10001:1", "16x9"}) {
    EXPECT_FALSE(is_aspect_ratio(ratio)) << ratio;
    EXPECT_FALSE(size_of("480p", ratio)) << ratio;
  }
  EXPECT_FALSE(size_of("480p", "10000:1"));
  EXPECT_FALSE(size_of("4k", "0.001:10000"));
  EXPECT_TRUE(is_aspect_ratio("2.39:1"));
}

}  // namespace
}  // namespace ditmill::configs
