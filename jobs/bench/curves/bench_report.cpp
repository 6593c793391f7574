#include "jobs/bench/curves/bench_report.h"

#include <fmt/format.h>

#include <filesystem>

#include "configs/error.h"
#include "jobs/bench/curves/load_drawing.h"
#include "jobs/bench/curves/load_markdown.h"
#include "jobs/bench/curves/load_series.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::bench {

int bench_report(const BenchReportOptions& options, std::ostream& out) {
  const LoadSeries series = read_load_series(options.files);
  for (const LoadFigures& each : series.figures) {
    if (!each.seconds.empty()) break;
    if (&each == &series.figures.back()) {
      throw Error{Category::bad_input, "draw curves", Where{.file = options.files.front()},
                  Expected{"runs of a strategy"}, Got{"skipped ones only: " + each.skipped}};
    }
  }
  std::error_code failure;
  std::filesystem::create_directories(options.out, failure);
  if (failure)
    throw system_error(failure.value(), "make the folder of the report", Where{.file = options.out});
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = options.out + "/" + name;
    results::durable::write_file(path, text);
    out << path << "\n";
  };
  write(
      "loading.md",
      fmt::format("# How weights come to all ranks: {}\n\n{}. Seconds are medians, from a barrier before the "
                  "first byte is read to one after the last rank has touched every page of what it holds.\n\n"
                  "<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"loading-dark.svg\"><img "
                  "alt=\"Seconds over machines\" src=\"loading-light.svg\"></picture>\n\n{}",
                  std::filesystem::path(series.model).filename().string(), load_setting_text(series),
                  load_table(series)));
  write("loading-light.svg", draw_load(series, Shade::light));
  write("loading-dark.svg", draw_load(series, Shade::dark));
  return 0;
}

}  // namespace ditmill::jobs::bench
