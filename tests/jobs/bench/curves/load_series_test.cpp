#include "jobs/bench/curves/load_series.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/bench/curves/load_drawing.h"
#include "jobs/bench/curves/load_markdown.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json run_of(const std::string& strategy, double seconds, std::uint64_t read) {
  return {{"strategy", strategy},      {"repeat", 0},          {"seconds_last_rank", seconds},
          {"read_bytes", read},        {"network_bytes", 500}, {"private_bytes_max", 2'000'000},
          {"shared_bytes_node", 1'000}};
}

json summary_of(const std::string& strategy, const json& limit, const json& skipped) {
  return {{"strategy", strategy}, {"limit_seconds", limit}, {"skipped", skipped}};
}

/// `broadcast` takes `seconds`, of which half are needed; `striped` is skipped on one machine.
json load_of(int nodes, const std::vector<double>& seconds) {
  json load{{"model", "m/cats"}, {"bytes", 1000}, {"nodes", nodes},        {"ranks", 2 * nodes},
            {"cold", true},      {"hash", true},  {"runs", json::array()}, {"summary", json::array()}};
  for (const double each : seconds) load["runs"].push_back(run_of("broadcast", each, 1000));
  load["summary"].push_back(summary_of("broadcast", seconds.front() / 2, nullptr));
  if (nodes == 1) {
    load["summary"].push_back(summary_of("striped", nullptr, "one reader"));
  } else {
    load["runs"].push_back(run_of("striped", 3 * seconds.front(), 1000));
    load["summary"].push_back(summary_of("striped", 1, nullptr));
  }
  return load;
}

LoadSeries series_of(const std::vector<json>& files) {
  LoadSeries series;
  for (const json& file : files) add_load_text(series, "f.json", file.dump());
  return series;
}

std::string refusal(const std::string& text) {
  try {
    LoadSeries series;
    add_load_text(series, "f.json", text);
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    return error.what();
  }
  return "taken";
}

TEST(LoadSeries, JoinsFilesSweepsAndListsByMachinesAndStrategy) {
  const LoadSeries joined = series_of({load_of(4, {2.2}), load_of(1, {2, 3, 1})});
  EXPECT_THAT(joined.strategies(), ElementsAre("broadcast", "striped"));
  EXPECT_THAT(joined.nodes(), ElementsAre(1, 4));
  EXPECT_DOUBLE_EQ(joined.find("broadcast", 1)->spread().median, 2);
  EXPECT_THAT(joined.find("broadcast", 1)->read_ratios, ElementsAre(1, 1, 1));
  EXPECT_THAT(joined.find("broadcast", 4)->network_ratios, ElementsAre(0.5));
  EXPECT_EQ(joined.find("striped", 1)->skipped, "one reader");

  const LoadSeries list = series_of({json::array({load_of(1, {2}), load_of(4, {2.2})})});
  const LoadSeries sweep =
      series_of({{{"loads", {load_of(1, {2}), load_of(4, {2.2})}}, {"notes", {"links of 1gbit"}}}});
  EXPECT_EQ(list.figures.size(), sweep.figures.size());
  EXPECT_THAT(sweep.notes, ElementsAre("links of 1gbit"));
}

TEST(LoadSeries, RunsOfOneNumberOfMachinesInTwoFilesCountTogether) {
  const LoadSeries joined = series_of({load_of(1, {1}), load_of(1, {4}), load_of(1, {9})});
  EXPECT_EQ(joined.figures.size(), 2);
  EXPECT_DOUBLE_EQ(joined.find("broadcast", 1)->spread().median, 4);
}

TEST(LoadSeries, GrowthIsOverTheFewestMachinesAndStripedBeginsAsBroadcast) {
  const LoadSeries series = series_of({load_of(1, {2}), load_of(8, {2.2})});
  EXPECT_DOUBLE_EQ(*series.growth(*series.find("broadcast", 8)), 1.1);
  EXPECT_DOUBLE_EQ(*series.growth(*series.find("striped", 8)), 6.6 / 2);
  EXPECT_FALSE(series.growth(*series.find("striped", 1)).has_value());
}

TEST(LoadSeries, OtherWeightsOrWaysAreNotJoined) {
  json other = load_of(4, {2});
  other["cold"] = false;
  EXPECT_THROW(series_of({load_of(1, {2}), other}), Error);
  other = load_of(4, {2});
  other["bytes"] = 1001;
  EXPECT_THROW(series_of({load_of(1, {2}), other}), Error);
}

TEST(LoadSeries, WhatIsNoResultIsRefusedWithItsPlace) {
  EXPECT_THAT(refusal("{\n \"bytes\": 7,\n oops}"), HasSubstr("f.json:3:2"));
  EXPECT_THAT(refusal(""), HasSubstr("an empty file"));
  EXPECT_THAT(refusal("7"), HasSubstr("an object with nodes"));
  json load = load_of(1, {2});
  load["runs"][0]["seconds_last_rank"] = "soon";
  EXPECT_THAT(refusal(load.dump()),
              testing::AllOf(HasSubstr("runs[0].seconds_last_rank"), HasSubstr("soon")));
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{
           {"nodes", 0}, {"ranks", 1.5}, {"bytes", 0}, {"cold", 1}, {"runs", 3}, {"summary", nullptr}}) {
    load = load_of(1, {2});
    load[key] = value;
    EXPECT_THAT(refusal(load.dump()), HasSubstr(key));
    load.erase(key);
    EXPECT_THAT(refusal(load.dump()), HasSubstr(key));
  }
}

TEST(LoadTable, HasALineAStrategyAndNumberOfMachines) {
  const std::string table = load_table(series_of({load_of(1, {2}), load_of(8, {2.2})}));
  EXPECT_THAT(table,
              HasSubstr("| 8 | 16 | broadcast | 2.20 | 2.20-2.20 | 0.00 | 50 % | 1.00 | 0.50 | 2 MB | 1 kB "
                        "| 1.10 |\n"));
  EXPECT_THAT(table, HasSubstr("- striped: one reader (machines: 1)\n"));
  EXPECT_THAT(table, HasSubstr("t(N) ÷ t(1)"));
}

TEST(LoadDrawing, HasACurveAndADashedLimitAStrategyWithItsNameAtItsEnd) {
  const std::string picture = draw_load(series_of({load_of(1, {2}), load_of(8, {2.2})}), Shade::light);
  std::size_t curves = 0;
  for (std::size_t at = 0; (at = picture.find("<polyline", at)) != std::string::npos; ++at) ++curves;
  EXPECT_EQ(curves, 4);
  EXPECT_THAT(picture, HasSubstr(">broadcast 2.2 s</text>"));
  EXPECT_THAT(picture, HasSubstr("stroke-dasharray"));
  EXPECT_NE(picture, draw_load(series_of({load_of(1, {2}), load_of(8, {2.2})}), Shade::dark));
}

TEST(LoadDrawing, EscapesForeignNamesAndDrawsASingleNumberOfMachines) {
  json load = load_of(1, {2});
  load["runs"][0]["strategy"] = "a<b>&";
  const std::string picture = draw_load(series_of({load}), Shade::dark);
  EXPECT_THAT(picture, HasSubstr("a&lt;b>&amp; 2 s"));
  EXPECT_THAT(picture, testing::Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace ditmill::jobs::bench
