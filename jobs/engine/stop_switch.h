#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace ditmill::jobs {

/// Whether a run is to take up nothing new, why, and by when it has to have ended. Thrown once, by any
/// thread.
class StopSwitch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Stop {
    std::string why;
    Clock::time_point deadline;
  };

  /// The first call counts.
  void stop(std::string why, Clock::duration grace);
  std::optional<Stop> stopped() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Stop> stop_;
};

}  // namespace ditmill::jobs
