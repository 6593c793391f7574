#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ditmill::jobs::engine {

/// Whether a run is to take up nothing new, why, and by when it has to have ended. Thrown once, by any
/// thread.
class StopSwitch {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  struct Stop {
    std::string why;
    Clock::time_point deadline;
  };

  explicit StopSwitch(Now now = Clock::now) : now_(std::move(now)) {}

  /// The first call counts. A deadline that is at most a minute before last_moment() is moved there: Slurm
  /// warns up to a minute early. One after it, too.
  void stop(std::string why, Clock::duration grace);
  std::optional<Stop> stopped() const;

  /// By when items have to be finished at the latest, stopped or not; none: at any time.
  void set_last_moment(Clock::time_point moment);
  std::optional<Clock::time_point> last_moment() const;

 private:
  Now now_;
  mutable std::mutex mutex_;
  std::optional<Stop> stop_;
  std::optional<Clock::time_point> last_moment_;
};

}  // namespace ditmill::jobs::engine
