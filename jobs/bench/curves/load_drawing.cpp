#include "jobs/bench/curves/load_drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "jobs/bench/curves/load_markdown.h"

namespace ditmill::jobs::bench {
namespace {

constexpr double width = 820;
constexpr double height = 460;
constexpr double left = 64;
constexpr double right = 640;  // names stand behind it
constexpr double top = 72;
constexpr double bottom = 396;
constexpr double line_height = 16;

struct Palette {
  std::string_view ground;
  std::string_view text;
  std::string_view faint;
  std::array<std::string_view, 9> curves;  ///< told apart by those who see fewer colours, too (Okabe and Ito)
};
constexpr Palette light{.ground = "#ffffff",
                        .text = "#1f2328",
                        .faint = "#d0d7de",
                        .curves = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07d00", "#3a9bd1",
                                   "#6e7781", "#8250df", "#a40e26"}};
constexpr Palette dark{.ground = "#0d1117",
                       .text = "#e6edf3",
                       .faint = "#30363d",
                       .curves = {"#56b4e9", "#ff9147", "#2fd3a2", "#e7a6cb", "#e6b93f", "#8fd0f2", "#9ea7b1",
                                  "#b99bff", "#ff8182"}};

std::string xml(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else {
      safe += c;
    }
  }
  return safe;
}

/// 1, 2 or 5 times a power of ten, so that at most six steps reach `most`.
double tick_step(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 6)));
  for (const double times : {1.0, 2.0, 5.0, 10.0}) {
    if (most / (times * power) <= 6) return times * power;
  }
  return 10 * power;
}

struct CurveName {
  double y = 0;
  std::size_t curve = 0;
  std::string text = {};
};

class LoadDrawing {
 public:
  LoadDrawing(const LoadSeries& series, const Palette& palette)
      : series_(series), palette_(palette), nodes_(series.nodes()) {
    for (const LoadFigures& figures : series.figures) {
      if (!figures.seconds.empty()) most_ = std::max({most_, figures.spread().max, limit_of(figures)});
    }
    step_ = tick_step(most_);
    most_ = std::ceil(most_ / step_) * step_;
  }

  std::string text() {
    text_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
        "font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{2}\">\n<title>Seconds until every "
        "rank "
        "has its weights, over machines</title>\n<rect width=\"{0}\" height=\"{1}\" fill=\"{3}\"/>\n",
        width, height, palette_.text, palette_.ground);
    write(left - 44, 28, "start", "Seconds until every rank has its weights",
          " font-size=\"16\" font-weight=\"600\"");
    write(left - 44, 48, "start", load_setting_text(series_) + "; dashed: what the limits allow");
    axes();
    std::vector<CurveName> names;
    const std::vector<std::string> strategies = series_.strategies();
    for (std::size_t i = 0; i < strategies.size(); ++i) curve(strategies[i], i, names);
    write_names(std::move(names));
    return text_ + "</svg>\n";
  }

 private:
  static double limit_of(const LoadFigures& figures) { return figures.limit_seconds.value_or(0); }
  double x(int nodes) const {
    const double span = std::log2(static_cast<double>(nodes_.back()) / nodes_.front());
    if (span == 0) return (left + right) / 2;
    return left + 24 + (right - left - 48) * std::log2(static_cast<double>(nodes) / nodes_.front()) / span;
  }
  double y(double seconds) const { return bottom - (bottom - top) * seconds / most_; }
  std::string_view colour(std::size_t curve) const { return palette_.curves[curve % palette_.curves.size()]; }

  void write(double at_x, double at_y, std::string_view anchor, std::string_view what,
             std::string_view more = "") {
    text_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", at_x, at_y,
                         anchor, more, xml(what));
  }
  void line(double x1, double y1, double x2, double y2, std::string_view stroke, std::string_view more = "") {
    text_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"{}/>\n",
                         x1, y1, x2, y2, stroke, more);
  }

  void axes() {
    for (double seconds = 0; seconds <= most_ * 1.0001; seconds += step_) {
      line(left, y(seconds), right, y(seconds), palette_.faint);
      write(left - 8, y(seconds) + 4, "end", fmt::format("{:g}", std::round(seconds / step_) * step_));
    }
    for (const int nodes : nodes_) {
      line(x(nodes), bottom, x(nodes), bottom + 5, palette_.text);
      write(x(nodes), bottom + 20, "middle", std::to_string(nodes));
    }
    write((left + right) / 2, bottom + 44, "middle", "machines");
  }

  void polyline(const std::vector<std::string>& points, std::size_t curve, std::string_view more) {
    text_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\"{}/>\n", fmt::join(points, " "),
                         colour(curve), more);
  }

  void curve(const std::string& strategy, std::size_t number, std::vector<CurveName>& names) {
    std::vector<std::string> measured;
    std::vector<std::string> allowed;
    double last = 0;
    for (const int nodes : nodes_) {
      const LoadFigures* figures = series_.find(strategy, nodes);
      if (figures == nullptr || figures->seconds.empty()) continue;
      const Spread seconds = figures->spread();
      measured.push_back(fmt::format("{:.1f},{:.1f}", x(nodes), y(seconds.median)));
      if (figures->limit_seconds)
        allowed.push_back(fmt::format("{:.1f},{:.1f}", x(nodes), y(*figures->limit_seconds)));
      line(x(nodes), y(seconds.min), x(nodes), y(seconds.max), colour(number), " stroke-width=\"1\"");
      text_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n", x(nodes),
                           y(seconds.median), colour(number));
      last = seconds.median;
    }
    if (measured.empty()) return;
    polyline(measured, number, " stroke-width=\"2\"");
    polyline(allowed, number, " stroke-width=\"1.2\" stroke-dasharray=\"4 4\"");
    names.push_back({.y = y(last), .curve = number, .text = fmt::format("{} {:.3g} s", strategy, last)});
  }

  /// Beside the ends of their curves, moved apart where these are close.
  void write_names(std::vector<CurveName> names) {
    std::ranges::sort(names, {}, &CurveName::y);
    for (std::size_t i = 1; i < names.size(); ++i)
      names[i].y = std::max(names[i].y, names[i - 1].y + line_height);
    double below = bottom + line_height;
    for (auto each = names.rbegin(); each != names.rend(); ++each) {
      each->y = std::min(each->y, below - line_height);
      below = each->y;
    }
    for (const CurveName& each : names) {
      write(right + 6, each.y + 4, "start", each.text,
            fmt::format(" style=\"fill:{}\" font-weight=\"600\"", colour(each.curve)));
    }
  }

  const LoadSeries& series_;
  const Palette& palette_;
  std::vector<int> nodes_;
  double most_ = 0;
  double step_ = 1;
  std::string text_;
};

}  // namespace

std::string draw_load(const LoadSeries& series, Shade shade) {
  return LoadDrawing{series, shade == Shade::light ? light : dark}.text();
}

}  // namespace ditmill::jobs::bench
