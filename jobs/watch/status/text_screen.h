#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::watch {

enum class Tint { none, bold, dim, green, yellow, red };

/// A piece of a line.
struct Tinted {
  std::string text = {};
  Tint tint = Tint::none;
};

/// A text for a terminal or a file, line by line: ASCII, cut to a width, tinted only if it may be.
class TextScreen {
 public:
  TextScreen(std::size_t width, bool colour) : width_(width), colour_(colour) {}

  /// Whatever comes from outside is made safe to show.
  void line(const std::vector<Tinted>& pieces);
  void line(std::string_view text, Tint tint = Tint::none) { line({{std::string{text}, tint}}); }
  /// Of what comes next: after an empty line.
  void title(std::string_view text);

  /// Rows of equally many cells, the first of them the heading; two spaces between columns. `right` says
  /// which columns are flush right; the last one is as long as the line is.
  void table(const std::vector<std::vector<Tinted>>& rows, const std::vector<bool>& right);

  std::size_t lines() const noexcept { return lines_; }
  const std::string& text() const noexcept { return text_; }

 private:
  std::size_t width_;
  bool colour_;
  std::size_t lines_ = 0;
  std::string text_;
};

/// A number in about three digits, without an exponent where it can be helped: "1203", "4.43".
std::string short_number(double value);

}  // namespace ditmill::jobs::watch
