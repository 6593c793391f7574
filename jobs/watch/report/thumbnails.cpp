#include "jobs/watch/report/thumbnails.h"

#include <algorithm>
#include <array>
#include <vector>

#include "jobs/results/export/contact_sheet.h"
#include "jobs/results/export/jpeg.h"

namespace ditmill::jobs::watch {
namespace {

struct Level {
  int side;  ///< pixels of the longer side
  int frames;
  int quality;
};
/// Each about two thirds of the bytes of the one before.
constexpr std::array<Level, 13> levels{{{320, 16, 78},
                                        {288, 14, 72},
                                        {240, 12, 70},
                                        {192, 12, 68},
                                        {160, 10, 66},
                                        {128, 8, 70},
                                        {128, 8, 50},
                                        {112, 8, 42},
                                        {96, 6, 42},
                                        {80, 6, 38},
                                        {64, 6, 35},
                                        {64, 4, 32},
                                        {48, 4, 30}}};
/// A side that no block of 4:2:0 crosses, so that frames do not run into their neighbours.
constexpr int block = 16;
constexpr std::uint64_t most_an_item = 120'000;
constexpr std::uint64_t most_bytes = 90'000'000;

/// The picture at a level's size. Its width may be off by a few pixels: pages stretch it to the clip's shape.
results::Picture scaled(const results::Picture& picture, int side) {
  const int longest = std::max(picture.width, picture.height);
  if (longest <= side) return picture;
  int width = std::max(1, picture.width * side / longest);
  if (width >= 2 * block) width = (width + block / 2) / block * block;
  return results::shrunk(picture, std::min(width, picture.width),
                         std::max(1, picture.height * side / longest));
}

Sprite sprite_of(const std::vector<results::Picture>& pictures, const Level& level) {
  std::vector<results::Picture> frames;
  const auto count = static_cast<std::int64_t>(pictures.size());
  for (const std::int64_t index : results::spread_frames(count, level.frames)) {
    frames.push_back(scaled(pictures[static_cast<std::size_t>(index)], level.side));
  }
  const results::Picture& first = frames.front();
  results::Picture row =
      results::Picture::blank(first.width * static_cast<int>(frames.size()), first.height, 0);
  int x = 0;
  for (const results::Picture& frame : frames) {
    results::paste(row, frame, x, 0);
    x += first.width;
  }
  return {.width = first.width,
          .height = first.height,
          .frames = static_cast<int>(frames.size()),
          .jpeg = results::jpeg_bytes(row, level.quality)};
}

}  // namespace

std::uint64_t ThumbnailMaker::budget(std::size_t items) noexcept {
  constexpr std::uint64_t base = 24'000'000;
  constexpr std::uint64_t an_item = 6'600;
  return std::min(most_bytes, base + an_item * items);
}

Sprite ThumbnailMaker::make(std::int64_t count, const FrameSource& frames) {
  const std::uint64_t share = std::min(most_an_item, left_bytes_ / std::max<std::uint64_t>(1, left_items_));
  std::vector<results::Picture> pictures;
  for (const std::int64_t index : results::spread_frames(count, levels[level_].frames)) {
    pictures.push_back(scaled(frames(index), levels[level_].side));
  }
  Sprite sprite = sprite_of(pictures, levels[level_]);
  while (sprite.jpeg.size() > share && level_ + 1 < levels.size()) {
    sprite = sprite_of(pictures, levels[++level_]);
    shrank_ = true;
  }
  left_bytes_ -= std::min<std::uint64_t>(left_bytes_, sprite.jpeg.size());
  // Items of a run are much alike, so the next one starts where this one fitted, or a step above.
  if (level_ > 0 && sprite.jpeg.size() * 2 < share) --level_;
  return sprite;
}

void ThumbnailMaker::next() noexcept {
  if (left_items_ > 0) --left_items_;
}

}  // namespace ditmill::jobs::watch
