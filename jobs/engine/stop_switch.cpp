#include "jobs/engine/stop_switch.h"

#include <utility>

namespace ditmill::jobs {

void StopSwitch::stop(std::string why, Clock::duration grace) {
  const std::scoped_lock lock(mutex_);
  if (!stop_) stop_ = Stop{.why = std::move(why), .deadline = Clock::now() + grace};
}

std::optional<StopSwitch::Stop> StopSwitch::stopped() const {
  const std::scoped_lock lock(mutex_);
  return stop_;
}

}  // namespace ditmill::jobs
