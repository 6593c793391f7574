#include "jobs/plan/pilot/forecast.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace ditmill::jobs::plan {

Forecaster::Forecaster(const Pilot& pilot, const PreparedJob& job, const requests::ItemList& items,
                       const std::vector<run::PendingItem>& left)
    : pilot_(&pilot),
      window_(job.manifest.pipeline.text_window),
      together_(job.family == nullptr ? 1 : job.family->clips_together(job.manifest.pipeline)) {
  CostModel costs(pilot, job);
  std::map<std::array<int, 3>, SizeForecast> sizes;
  std::set<std::pair<std::string_view, std::string_view>> texts;
  const std::vector<models::Encoding> encodings =
      pilot.texts == 0 ? std::vector<models::Encoding>{} : job.family->encodings(job.manifest.pipeline);
  seconds_.reserve(left.size());
  for (const run::PendingItem& each : left) {
    const requests::PackedItem& item = items.packed()[each.item];
    SizeForecast& size = sizes[{item.width, item.height, item.frames}];
    if (size.items == 0) {
      size = {.width = item.width,
              .height = item.height,
              .frames = item.frames,
              .cost = costs.of(item.width, item.height, item.frames)};
    }
    ++size.items;
    seconds_.push_back(static_cast<float>(size.cost.seconds));
    for (const models::Encoding& task : encodings) {
      texts.emplace(task.encoder, configs::text_of(item, task.field));
    }
  }
  texts_ = texts.size();
  for (const auto& [extents, size] : sizes) sizes_.push_back(size);
}

/// Texts of a stage of their own are shared out over all ranks; the rest takes what it took.
double Forecaster::startup(int groups) const {
  if (pilot_->texts == 0) return pilot_->startup_seconds;
  const double a_text = pilot_->text_stage_seconds / static_cast<double>(pilot_->texts);
  const double more_ranks = static_cast<double>(groups) / pilot_->layout.groups();
  return std::max(0.0, pilot_->startup_seconds - pilot_->text_stage_seconds) +
         a_text * static_cast<double>(texts_) / more_ranks;
}

Forecast Forecaster::with(int groups) const {
  Forecast forecast;
  if (seconds_.empty()) return forecast;
  forecast.startup_seconds = startup(groups);
  forecast.schedule = simulate(seconds_, groups, window_, together_);
  for (const SizeForecast& size : sizes_) forecast.bytes += static_cast<double>(size.items) * size.cost.bytes;
  return forecast;
}

}  // namespace ditmill::jobs::plan
