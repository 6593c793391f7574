#include "jobs/watch/status/text_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "configs/error.h"

namespace ditmill::jobs::watch {
namespace {

std::string_view code(Tint tint) {
  switch (tint) {
    case Tint::none:
      return "";
    case Tint::bold:
      return "\x1b[1m";
    case Tint::dim:
      return "\x1b[2m";
    case Tint::green:
      return "\x1b[1;32m";
    case Tint::yellow:
      return "\x1b[1;33m";
    case Tint::red:
      return "\x1b[1;31m";
  }
  return "";
}

/// Only what every terminal shows, one column a byte.
std::string ascii(std::string_view foreign) {
  std::string text = printable(foreign, foreign.size());
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

void TextScreen::line(const std::vector<Tinted>& pieces) {
  std::size_t left = width_;
  for (const Tinted& piece : pieces) {
    const std::string shown = ascii(piece.text).substr(0, left);
    left -= shown.size();
    const bool tinted = colour_ && piece.tint != Tint::none && !shown.empty();
    if (tinted) text_ += code(piece.tint);
    text_ += shown;
    if (tinted) text_ += "\x1b[0m";
  }
  text_.erase(text_.find_last_not_of(' ') + 1);
  text_ += '\n';
  ++lines_;
}

void TextScreen::title(std::string_view text) {
  line("");
  line(text, Tint::bold);
}

void TextScreen::table(const std::vector<std::vector<Tinted>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], ascii(row[i].text).size());
  }
  for (const auto& row : rows) {
    std::vector<Tinted> pieces;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - ascii(row[i].text).size(), ' ');
      if (i > 0) pieces.push_back({"  "});
      if (right[i]) pieces.push_back({padding});
      pieces.push_back(row[i]);
      if (!right[i] && i + 1 < row.size()) pieces.push_back({padding});
    }
    line(pieces);
  }
}

std::string short_number(double value) {
  return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

}  // namespace ditmill::jobs::watch
