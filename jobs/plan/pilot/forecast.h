#pragma once

#include <cstdint>
#include <vector>

#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/pilot/cost.h"
#include "jobs/plan/pilot/pilot.h"
#include "jobs/plan/pilot/schedule.h"
#include "jobs/run/frozen/resume.h"

namespace ditmill::jobs::plan {

/// Items of one size that are to be made.
struct SizeForecast {
  int width = 0;
  int height = 0;
  int frames = 0;
  std::size_t items = 0;
  ItemCost cost;  ///< of one
};

/// A start that makes some items of a list.
struct Forecast {
  double startup_seconds = 0;
  Schedule schedule;
  double bytes = 0;

  double seconds() const noexcept { return startup_seconds + schedule.seconds; }
};

/// Foretells starts of a job from a pilot of it.
class Forecaster {
 public:
  /// `left`: the items to be made, by their indices in `items`. All arguments outlive it.
  Forecaster(const Pilot& pilot, const PreparedJob& job, const requests::ItemList& items,
             const std::vector<run::PendingItem>& left);

  const std::vector<SizeForecast>& sizes() const noexcept { return sizes_; }
  std::size_t items() const noexcept { return seconds_.size(); }
  /// With groups of the pilot's layout.
  Forecast with(int groups) const;

 private:
  double startup(int groups) const;

  const Pilot* pilot_;
  int window_;
  std::size_t together_;
  std::size_t texts_ = 0;       ///< distinct ones; counted where they are encoded in a stage of their own
  std::vector<float> seconds_;  ///< of each item that is left
  std::vector<SizeForecast> sizes_;
};

}  // namespace ditmill::jobs::plan
