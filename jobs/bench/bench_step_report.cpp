#include "jobs/bench/bench_step_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "configs/list_text.h"
#include "configs/size_text.h"
#include "jobs/bench/bench_clock.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 7> rank_fields{"seconds", "compute",       "exposed",   "hidden",
                                                 "bubble",  "weights_bytes", "peak_bytes"};

double exposed(const dist::Traffic& traffic) { return traffic.seconds; }
double hidden(const dist::Traffic& traffic) { return std::max(0.0, traffic.in_flight - traffic.seconds); }

double median_of(const RankCost& rank, const std::function<double(const StepCost&)>& value) {
  std::vector<double> samples;
  for (const StepCost& step : rank.steps) samples.push_back(value(step));
  return spread_of(std::move(samples)).median;
}

double total(const StepCost& step, double (*value)(const dist::Traffic&)) {
  double sum = 0;
  for (const auto& [why, traffic] : step.traffic) sum += value(traffic);
  return sum;
}

/// Of the time that exchanges were under way; null where there were none.
json share_hidden(double hidden_seconds, double exposed_seconds) {
  const double all = hidden_seconds + exposed_seconds;
  return all > 0 ? json(hidden_seconds / all) : json();
}

/// The largest and the median of a field of all ranks.
json over_ranks(const std::vector<json>& ranks, const std::string& field) {
  std::vector<double> values;
  for (const json& rank : ranks) values.push_back(rank.at(field));
  const Spread spread = spread_of(std::move(values));
  return {{"max", spread.max}, {"median", spread.median}};
}

json purpose_over_ranks(const std::vector<json>& ranks, const std::string& purpose) {
  std::vector<json> costs;
  double hidden_seconds = 0;
  double exposed_seconds = 0;
  for (const json& rank : ranks) {
    if (!rank.at("purposes").contains(purpose)) continue;
    costs.push_back(rank["purposes"][purpose]);
    hidden_seconds += costs.back()["hidden"].get<double>();
    exposed_seconds += costs.back()["exposed"].get<double>();
  }
  if (costs.empty()) return {};
  json out{{"share_hidden", share_hidden(hidden_seconds, exposed_seconds)}};
  for (const char* field : {"bytes", "expected_bytes", "exchanges", "exposed", "hidden"}) {
    out[field] = over_ranks(costs, field);
  }
  return out;
}

std::string percent(const json& share) {
  return share.is_null() ? "-" : fmt::format("{:.0f} %", share.get<double>() * 100);
}

std::string layout_text(const json& parallel) {
  std::string text;
  for (const dist::Axis axis : dist::axes) {
    const std::string axis_name(dist::name(axis));
    const int degree = parallel.at(axis_name);
    if (degree > 1) extend_list(text, fmt::format("{} {}", axis_name, degree));
  }
  if (parallel.at("fsdp")) extend_list(text, "fsdp");
  return text.empty() ? "no axis" : text;
}

}  // namespace

json to_json(const RankCost& rank, const dist::ParallelContext& place) {
  json coordinates;
  for (const dist::Axis axis : dist::axes) coordinates[dist::name(axis)] = place.index(axis);
  json purposes = json::object();
  for (const dist::Purpose why : step_purposes) {
    const auto of = [&](const StepCost& step) { return step.traffic.at(why); };
    const auto formula = rank.expected.find(why);
    const double exchanges =
        median_of(rank, [&](const StepCost& step) { return static_cast<double>(of(step).calls); });
    if (exchanges == 0 && formula == rank.expected.end()) continue;
    const double waited = median_of(rank, [&](const StepCost& step) { return exposed(of(step)); });
    const double behind = median_of(rank, [&](const StepCost& step) { return hidden(of(step)); });
    const double bytes =
        median_of(rank, [&](const StepCost& step) { return static_cast<double>(of(step).bytes); });
    purposes[dist::name(why)] = {{"bytes", static_cast<std::uint64_t>(bytes)},
                                 {"expected_bytes", formula == rank.expected.end() ? 0 : formula->second},
                                 {"exchanges", static_cast<std::uint64_t>(exchanges)},
                                 {"exposed", waited},
                                 {"hidden", behind},
                                 {"share_hidden", share_hidden(behind, waited)}};
  }
  return {
      {"rank", place.rank()},
      {"host", rank.host},
      {"place", coordinates},
      {"seconds", median_of(rank, [](const StepCost& step) { return step.seconds; })},
      {"compute", median_of(rank, [](const StepCost& step) { return step.seconds - total(step, exposed); })},
      {"exposed", median_of(rank, [](const StepCost& step) { return total(step, exposed); })},
      {"hidden", median_of(rank, [](const StepCost& step) { return total(step, hidden); })},
      {"bubble", median_of(rank,
                           [](const StepCost& step) {
                             return step.traffic.at(dist::Purpose::stages).seconds / step.seconds;
                           })},
      {"weights_bytes", rank.weights_bytes},
      {"peak_bytes", rank.peak_bytes},
      {"purposes", std::move(purposes)}};
}

json step_report(json setting, const std::vector<json>& ranks) {
  json report = std::move(setting);
  for (const char* field : rank_fields) report[field] = over_ranks(ranks, field);
  report["purposes"] = json::object();
  for (const dist::Purpose why : step_purposes) {
    json cost = purpose_over_ranks(ranks, std::string(dist::name(why)));
    if (!cost.is_null()) report["purposes"][dist::name(why)] = std::move(cost);
  }
  report["ranks"] = ranks;
  return report;
}

std::string step_table(const json& report) {
  const auto number = [](const json& value) { return value.get<double>(); };
  std::string text = fmt::format(
      "{}, {} blocks, {} x {} x {} frames ({} tokens), {}, guidance {}\n"
      "ranks {} ({}), clips in flight {}, {}, threads a rank {}; medians of {} steps; load average "
      "{:.1f}\n\n",
      report.at("model").get<std::string>(), report.at("layers").get<int>(), report.at("width").get<int>(),
      report.at("height").get<int>(), report.at("frames").get<int>(), report.at("tokens").get<std::int64_t>(),
      report.at("dtype").get<std::string>(), number(report.at("guidance")), report.at("world").get<int>(),
      layout_text(report.at("parallel")), report.at("clips").get<int>(),
      report.at("device").get<std::string>(), report.at("threads").get<int>(), report.at("steps").get<int>(),
      number(report.at("load_average")));
  text += fmt::format("{:<6}{:>10}{:>10}{:>10}{:>10}{:>9}{:>12}{:>12}\n", "rank", "step s", "compute",
                      "exposed", "hidden", "bubble", "weights", "peak");
  const auto line = [&](const std::string& title, const auto& field) {
    text += fmt::format("{:<6}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}{:>9}{:>12}{:>12}\n", title,
                        number(field("seconds")), number(field("compute")), number(field("exposed")),
                        number(field("hidden")), percent(field("bubble")),
                        size_text(number(field("weights_bytes"))), size_text(number(field("peak_bytes"))));
  };
  for (const json& rank : report.at("ranks")) {
    line(std::to_string(rank.at("rank").get<int>()), [&](const char* field) { return rank.at(field); });
  }
  for (const char* which : {"median", "max"}) {
    line(which, [&](const char* field) { return report.at(field).at(which); });
  }
  if (report.at("purposes").empty()) return text;
  text += fmt::format("\n{:<12}{:>13}{:>13}{:>11}{:>11}{:>11}{:>9}\n", "of largest", "given", "formula",
                      "exchanges", "exposed s", "hidden s", "hidden");
  for (const auto& entry : report.at("purposes").items()) {
    const json& cost = entry.value();
    const auto most = [&](const char* field) { return number(cost.at(field).at("max")); };
    text += fmt::format("{:<12}{:>13}{:>13}{:>11.0f}{:>11.3f}{:>11.3f}{:>9}\n", entry.key(),
                        size_text(most("bytes")), size_text(most("expected_bytes")), most("exchanges"),
                        most("exposed"), most("hidden"), percent(cost.at("share_hidden")));
  }
  return text;
}

}  // namespace ditmill::jobs::bench
