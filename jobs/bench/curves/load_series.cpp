#include "jobs/bench/curves/load_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/bench/curves/json_place.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

LoadFigures& figures_of(LoadSeries& series, const std::string& strategy, int nodes, int ranks) {
  for (LoadFigures& each : series.figures) {
    if (each.strategy == strategy && each.nodes == nodes) return each;
  }
  return series.figures.emplace_back(LoadFigures{.strategy = strategy, .nodes = nodes, .ranks = ranks});
}

void add_run(LoadSeries& series, const JsonPlace& run, int nodes, int ranks) {
  LoadFigures& figures = figures_of(series, run.at("strategy").text(), nodes, ranks);
  const auto bytes = static_cast<double>(series.bytes);
  figures.seconds.push_back(run.at("seconds_last_rank").positive());
  figures.read_ratios.push_back(run.at("read_bytes").number() / bytes);
  figures.network_ratios.push_back(run.at("network_bytes").number() / bytes);
  figures.private_bytes.push_back(run.at("private_bytes_max").number());
  figures.shared_bytes.push_back(run.at("shared_bytes_node").number());
}

void add_summary(LoadSeries& series, const JsonPlace& summary, int nodes, int ranks) {
  LoadFigures& figures = figures_of(series, summary.at("strategy").text(), nodes, ranks);
  const JsonPlace skipped = summary.at("skipped");
  if (!skipped.is_null()) {
    figures.skipped = skipped.text();
  } else if (const JsonPlace limit = summary.at("limit_seconds");
             !limit.is_null() && !figures.limit_seconds) {
    figures.limit_seconds = limit.number();
  }
}

std::string way(const LoadSeries& series) {
  return fmt::format("{} bytes, {} ranks a machine, {}, {}, {}", series.bytes, series.ranks_per_node,
                     series.cold ? "cold" : "hot", series.hash ? "verified" : "not verified", series.device);
}

/// One result of `bench load`.
void add_load(LoadSeries& series, const JsonPlace& load) {
  const int nodes = load.at("nodes").count();
  const int ranks = load.at("ranks").count();
  LoadSeries found{.model = load.at("model").text(),
                   .bytes = static_cast<std::uint64_t>(load.at("bytes").positive()),
                   .ranks_per_node = static_cast<double>(ranks) / nodes,
                   .cold = load.at("cold").flag(),
                   .hash = load.flag_or("hash", true),
                   .device = load.text_or("device", "cpu")};
  if (series.figures.empty()) {
    found.notes = std::move(series.notes);
    series = std::move(found);
  } else if (way(found) != way(series)) {
    throw Error{
        Category::usage, "join what bench load measured", Where{.file = load.file()}, Expected{way(series)},
        Got{way(found)}, "make a report of each"};
  }
  load.at("runs").for_each([&](const JsonPlace& run) { add_run(series, run, nodes, ranks); });
  load.at("summary").for_each([&](const JsonPlace& each) { add_summary(series, each, nodes, ranks); });
}

void sort_figures(LoadSeries& series) {
  const std::vector<std::string> order = series.strategies();
  const auto place = [&order](const LoadFigures& figures) {
    return std::pair{std::ranges::find(order, figures.strategy) - order.begin(), figures.nodes};
  };
  std::ranges::stable_sort(series.figures, {}, place);
}

}  // namespace

std::vector<std::string> LoadSeries::strategies() const {
  std::vector<std::string> names;
  for (const LoadFigures& each : figures) {
    if (std::ranges::find(names, each.strategy) == names.end()) names.push_back(each.strategy);
  }
  return names;
}

std::vector<int> LoadSeries::nodes() const {
  std::vector<int> counts;
  for (const LoadFigures& each : figures) counts.push_back(each.nodes);
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

const LoadFigures* LoadSeries::find(const std::string& strategy, int count) const {
  const auto found = std::ranges::find_if(
      figures, [&](const LoadFigures& each) { return each.strategy == strategy && each.nodes == count; });
  return found == figures.end() ? nullptr : &*found;
}

std::optional<double> LoadSeries::growth(const LoadFigures& of) const {
  if (of.seconds.empty()) return std::nullopt;
  const int fewest = nodes().front();
  const LoadFigures* base = find(of.strategy, fewest);
  if (of.strategy == "striped" && fewest == 1 && (base == nullptr || base->seconds.empty()))
    base = find("broadcast", 1);
  if (base == nullptr || base->seconds.empty()) return std::nullopt;
  return of.spread().median / base->spread().median;
}

void add_load_text(LoadSeries& series, const std::string& path, const std::string& text) {
  const json parsed = parse_json(path, text);
  const JsonPlace top{path, parsed};
  if (top.is_array()) {
    top.for_each([&](const JsonPlace& load) { add_load(series, load); });
  } else if (top.has("loads")) {
    if (top.has("notes")) {
      top.at("notes").for_each([&](const JsonPlace& note) { series.notes.push_back(note.text()); });
    }
    top.at("loads").for_each([&](const JsonPlace& load) { add_load(series, load); });
  } else {
    add_load(series, top);
  }
  sort_figures(series);
}

LoadSeries read_load_series(const std::vector<std::string>& paths) {
  LoadSeries series;
  for (const std::string& path : paths) add_load_text(series, path, results::durable::read_file(path));
  if (series.figures.empty()) {
    throw Error{Category::bad_input, "read what bench load measured", Where{.file = paths.front()},
                Expected{"runs of a strategy"}, Got{"none"}};
  }
  return series;
}

}  // namespace ditmill::jobs::bench
