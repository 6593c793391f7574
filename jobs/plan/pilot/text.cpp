#include "jobs/plan/pilot/text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <vector>

#include "configs/error.h"
#include "configs/size_text.h"
#include "configs/time_text.h"
#include "jobs/plan/memory/parallel_choice.h"
#include "jobs/plan/pilot/forecast.h"

namespace ditmill::jobs::plan {
namespace {

std::string spread_text(const Spread& spread) {
  return fmt::format("{:.3g} ({:.3g}-{:.3g})", spread.median, spread.p10, spread.p90);
}

std::string heading(const Pilot& pilot) {
  const PilotLayout& layout = pilot.layout;
  std::string text = fmt::format("pilot: {} items on {} ranks: {}, {} groups", pilot.items.size(),
                                 layout.ranks, describe(layout.degrees), layout.groups());
  if (layout.threads > 0) text += fmt::format(", {} threads a rank", layout.threads);
  if (!layout.device_name.empty()) text += ", " + printable(layout.device_name);
  if (pilot.startup_seconds > 0) text += "; start-up " + wall_text(pilot.startup_seconds);
  return text + "\n";
}

std::string outlook(const Pilot& pilot, const PreparedJob& job, const requests::ItemList& items) {
  std::vector<run::PendingItem> all(items.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i].item = i;
  const Forecaster forecaster(pilot, job, items, all);
  const Forecast forecast = forecaster.with(pilot.layout.groups());
  std::string text =
      fmt::format("the whole list, with this layout: {} items in {}, {:.3g} {}-hours, {}\n", items.size(),
                  wall_text(forecast.seconds()), forecast.seconds() * pilot.layout.ranks / 3600,
                  paid_unit(pilot.layout), size_text(forecast.bytes));
  for (const SizeForecast& size : forecaster.sizes()) {
    if (!size.cost.estimated) continue;
    text += fmt::format("  {}: {} items were not piloted: {} an item, estimated\n",
                        size_name(size.width, size.height, size.frames), size.items,
                        wall_text(size.cost.seconds));
  }
  return text;
}

}  // namespace

std::string pilot_text(const Pilot& pilot, const PreparedJob& job, const requests::ItemList& items) {
  std::string text = heading(pilot);
  constexpr const char* row = "{:<15} {:>6}  {:<24} {:>9} {:>9} {:>9} {:>9}  {:>9}\n";
  text += fmt::format(row, "size", "items", "s an item (p10-p90)", "text", "denoise", "decode", "store",
                      "stored");
  for (const SizeClass& size : pilot.classes) {
    const auto seconds = [](const Spread& spread) { return fmt::format("{:.3g}", spread.median); };
    text += fmt::format(row, size_name(size.width, size.height, size.frames), size.items,
                        spread_text(size.seconds), seconds(size.text), seconds(size.denoise),
                        seconds(size.decode), seconds(size.store), size_text(size.bytes));
  }
  return text + outlook(pilot, job, items);
}

std::string wall_text(double seconds) {
  return seconds < 60 ? fmt::format("{:.1f} s", seconds) : duration_text(seconds);
}

std::string size_name(int width, int height, int frames) {
  return fmt::format("{}x{}x{}", width, height, frames);
}

std::string paid_unit(const PilotLayout& layout) { return layout.device == "cuda" ? "GPU" : "rank"; }

}  // namespace ditmill::jobs::plan
