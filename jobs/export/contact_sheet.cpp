#include "jobs/export/contact_sheet.h"

#include <algorithm>

#include "jobs/export/font.h"

namespace ditmill::jobs {
namespace {

constexpr int gap = 2;       ///< between the frames of a strip
constexpr int margin = 10;   ///< around a strip
constexpr int text_gap = 4;  ///< between a strip and its id
constexpr std::uint8_t paper = 245;

int width_of(const Strip& strip) {
  int width = 0;
  for (const Image& frame : strip.frames) width += frame.width + gap;
  return std::max(0, width - gap);
}

int height_of(const Strip& strip) {
  int height = 0;
  for (const Image& frame : strip.frames) height = std::max(height, frame.height);
  return height;
}

}  // namespace

std::vector<std::size_t> spread(std::size_t total, std::size_t count) {
  std::vector<std::size_t> positions;
  count = std::min(total, count);
  for (std::size_t i = 0; i < count; ++i) {
    positions.push_back(count == 1 ? 0 : i * (total - 1) / (count - 1));
  }
  return positions;
}

Image contact_sheet(const std::vector<Strip>& strips) {
  int cell_width = 0;
  int cell_height = 0;
  for (const Strip& strip : strips) {
    cell_width = std::max(cell_width, width_of(strip));
    cell_height = std::max(cell_height, height_of(strip));
  }
  cell_width += margin;
  cell_height += text_gap + glyph_height + margin;
  const int count = static_cast<int>(strips.size());
  int columns = 1;
  while (columns < count && columns * cell_width < (count + columns - 1) / columns * cell_height) ++columns;
  const int rows = (count + columns - 1) / columns;

  Image sheet = Image::filled(columns * cell_width + margin, rows * cell_height + margin, paper);
  for (int i = 0; i < count; ++i) {
    const Strip& strip = strips[static_cast<std::size_t>(i)];
    const int left = margin + i % columns * cell_width;
    const int top = margin + i / columns * cell_height;
    int x = left;
    for (const Image& frame : strip.frames) {
      sheet.paste(frame, x, top);
      x += frame.width + gap;
    }
    sheet.write(strip.id, left, top + height_of(strip) + text_gap, cell_width - margin);
  }
  return sheet;
}

}  // namespace ditmill::jobs
