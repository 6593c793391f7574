#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "jobs/engine/items/protocol.h"

namespace ditmill::jobs::engine {

/// The items that a group has in hand, and how long such items took before. Safe from any thread.
class InHand {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  explicit InHand(Now now = Clock::now) : now_(std::move(now)) {}

  /// Begins with these items, which are computed together.
  void take(std::span<const WorkItem> items);
  /// They are finished; their time is remembered if they were `computed` to their end.
  void finish(bool computed);

  std::vector<WorkItem> items() const;
  /// Whether those in hand will be finished by then, for all that is known: while there is still time, true
  /// if none is in hand or none of any size has been measured.
  bool fit_before(Clock::time_point deadline) const;
  /// How many of these items, the first ones, would be finished by then if they were begun now together.
  /// While there is still time, one at least where nothing has been measured, so that little is lost.
  std::size_t fitting(std::span<const WorkItem> items, Clock::time_point deadline) const;

 private:
  using Size = std::tuple<int, int, int>;

  static Size size_of(const WorkItem& item);
  static double pixels(const Size& size);
  bool fit(std::span<const WorkItem> items, Clock::time_point begin, Clock::time_point deadline) const;
  /// Seconds that an item of a size takes; of another size, by its pixels.
  std::optional<double> expected(const Size& size) const;

  Now now_;
  mutable std::mutex mutex_;
  std::vector<WorkItem> items_;
  Clock::time_point began_;
  std::map<Size, std::vector<double>> measured_;  ///< the last few
};

}  // namespace ditmill::jobs::engine
