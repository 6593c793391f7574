#include "jobs/engine/items/stop_switch.h"

#include <utility>

namespace ditmill::jobs::engine {
namespace {

constexpr std::chrono::seconds warned_early{60};

}  // namespace

void StopSwitch::stop(std::string why, Clock::duration grace) {
  const std::scoped_lock lock(mutex_);
  if (stop_) return;
  Clock::time_point deadline = now_() + grace;
  if (last_moment_ && *last_moment_ - deadline <= warned_early) deadline = *last_moment_;
  stop_ = Stop{.why = std::move(why), .deadline = deadline};
}

std::optional<StopSwitch::Stop> StopSwitch::stopped() const {
  const std::scoped_lock lock(mutex_);
  return stop_;
}

void StopSwitch::set_last_moment(Clock::time_point moment) {
  const std::scoped_lock lock(mutex_);
  last_moment_ = moment;
}

std::optional<StopSwitch::Clock::time_point> StopSwitch::last_moment() const {
  const std::scoped_lock lock(mutex_);
  return last_moment_;
}

}  // namespace ditmill::jobs::engine
