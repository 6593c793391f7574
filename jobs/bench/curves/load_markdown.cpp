#include "jobs/bench/curves/load_markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "configs/list_text.h"
#include "configs/size_text.h"

namespace ditmill::jobs::bench {
namespace {

double median(const std::vector<double>& values) { return spread_of(values).median; }

std::string cells(const LoadSeries& series, const LoadFigures& figures) {
  const Spread seconds = figures.spread();
  const std::optional<double> growth = series.growth(figures);
  return fmt::format(
      "| {} | {} | {} | {:.2f} | {:.2f}-{:.2f} | {:.2f} | {} | {:.2f} | {:.2f} | {} | {} | {} |\n",
      figures.nodes, figures.ranks, figures.strategy, seconds.median, seconds.min, seconds.max,
      static_cast<double>(series.bytes) / seconds.median / 1e9,
      figures.limit_seconds ? fmt::format("{:.0f} %", 100 * *figures.limit_seconds / seconds.median) : "",
      median(figures.read_ratios), median(figures.network_ratios), size_text(median(figures.private_bytes)),
      size_text(median(figures.shared_bytes)), growth ? fmt::format("{:.2f}", *growth) : "");
}

}  // namespace

std::string load_setting_text(const LoadSeries& series) {
  return fmt::format("{}, {}, {}, {:g} {} a machine, {}", size_text(static_cast<double>(series.bytes)),
                     series.cold ? "cold" : "hot", series.hash ? "verified" : "not verified",
                     series.ranks_per_node, series.ranks_per_node == 1 ? "rank" : "ranks", series.device);
}

std::string load_table(const LoadSeries& series) {
  std::string text = fmt::format(
      "| machines | ranks | strategy | seconds | least-most | GB/s | of limit | read ÷ model | network ÷ "
      "model "
      "| private, a rank | shared, a machine | t(N) ÷ t({}) |\n|{}\n",
      series.nodes().front(), "---|---|---|---|---|---|---|---|---|---|---|---|");
  std::map<std::string, std::string> skipped;  // on which machines, by strategy and why
  for (const LoadFigures& figures : series.figures) {
    if (!figures.seconds.empty()) {
      text += cells(series, figures);
    } else {
      extend_list(skipped[figures.strategy + ": " + figures.skipped], std::to_string(figures.nodes));
    }
  }
  std::string after;
  for (const auto& [what, nodes] : skipped) after += fmt::format("- {} (machines: {})\n", what, nodes);
  for (const std::string& note : series.notes) after += "- " + note + "\n";
  return after.empty() ? text : text + "\n" + after;
}

}  // namespace ditmill::jobs::bench
