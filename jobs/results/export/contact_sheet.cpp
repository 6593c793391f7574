#include "jobs/results/export/contact_sheet.h"

#include <algorithm>
#include <cmath>

namespace ditmill::jobs::results {
namespace {

constexpr int side = 160;
constexpr int frame_gap = 2;
constexpr int strip_gap = 16;
constexpr int caption_gap = 6;
constexpr int caption_scale = 2;
constexpr std::uint8_t background = 24;
constexpr std::uint8_t ink = 230;

std::string shortened(const std::string& text, int width) {
  const auto room = static_cast<std::size_t>(std::max(3, width / character_width(caption_scale)));
  return text.size() <= room ? text : text.substr(0, room - 2) + "..";
}

Picture drawn(const Strip& strip) {
  std::vector<Picture> frames;
  int width = -frame_gap;
  int height = 0;
  for (const Picture& frame : strip.frames) {
    frames.push_back(fitted(frame, side));
    width += frames.back().width + frame_gap;
    height = std::max(height, frames.back().height);
  }
  Picture picture = Picture::blank(width, height + caption_gap + character_height(caption_scale), background);
  int x = 0;
  for (const Picture& frame : frames) {
    paste(picture, frame, x, 0);
    x += frame.width + frame_gap;
  }
  draw_text(picture, shortened(strip.caption, width), 0, height + caption_gap, caption_scale, ink);
  return picture;
}

}  // namespace

std::vector<std::int64_t> spread_frames(std::int64_t count, std::int64_t wanted) {
  std::vector<std::int64_t> indices;
  const std::int64_t taken = std::min(count, wanted);
  for (std::int64_t i = 0; i < taken; ++i) indices.push_back(taken == 1 ? 0 : i * (count - 1) / (taken - 1));
  return indices;
}

Picture contact_sheet(const std::vector<Strip>& strips) {
  std::vector<Picture> cells;
  int cell_width = 0;
  int cell_height = 0;
  for (const Strip& strip : strips) {
    cells.push_back(drawn(strip));
    cell_width = std::max(cell_width, cells.back().width + strip_gap);
    cell_height = std::max(cell_height, cells.back().height + strip_gap);
  }
  const int count = static_cast<int>(cells.size());
  const double square = std::sqrt(static_cast<double>(count) * cell_height / cell_width);
  const int columns = std::clamp(static_cast<int>(std::ceil(square)), 1, count);
  const int rows = (count + columns - 1) / columns;
  Picture sheet =
      Picture::blank(columns * cell_width + strip_gap, rows * cell_height + strip_gap, background);
  for (int i = 0; i < count; ++i) {
    paste(sheet, cells[static_cast<std::size_t>(i)], strip_gap + i % columns * cell_width,
          strip_gap + i / columns * cell_height);
  }
  return sheet;
}

}  // namespace ditmill::jobs::results
