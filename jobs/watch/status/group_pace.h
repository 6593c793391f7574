#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "jobs/results/journal/open_attempts.h"
#include "jobs/results/journal/record.h"

namespace ditmill::jobs::watch {

/// How fast one dp group works in one epoch, from its journal's records. Items are sealed, and so journaled,
/// up to 256 at a time, but a `done` says when its item was finished: rates are taken between finishes, never
/// between seals. Holds some ten kilobytes.
class GroupPace {
 public:
  static constexpr double window_s = 1800;       ///< a rate is that of so long, once there is so much
  static constexpr std::size_t durations = 255;  ///< the median is that of so many items, the last ones

  void take(const results::Record& record);

  std::size_t done() const noexcept { return done_; }
  std::size_t failed() const noexcept { return failed_; }
  /// Of the last items, from start to finish; none before the first is done.
  std::optional<double> median_s() const;
  /// The item that was started last, unless it has ended; empty if there is none.
  const std::string& last_started() const noexcept { return last_started_; }
  /// Time of the newest record; 0 if there is none.
  double last_record() const noexcept { return last_record_; }

  /// Items that ended (done or failed), and in how long.
  struct Rate {
    std::size_t items = 0;
    double seconds = 0;
    double items_per_second() const noexcept {
      return seconds > 0 ? static_cast<double>(items) / seconds : 0;
    }
  };
  /// As of `now`, from the group's first start in the epoch, or from the finish that is about half an hour
  /// old. A group that has not finished anything for longer than its items and seals explain is slowed by
  /// that.
  Rate rate(double now) const;

 private:
  /// So many items had ended at that time.
  struct Mark {
    double time = 0;
    std::size_t ended = 0;
  };

  void finish(const results::Record& record, const std::optional<results::Attempt>& attempt);

  results::OpenAttempts attempts_;
  std::deque<Mark> marks_;           ///< the first is the window's begin
  std::vector<float> last_seconds_;  ///< a ring
  std::size_t next_second_ = 0;
  std::size_t done_ = 0;
  std::size_t failed_ = 0;
  double last_finish_ = 0;
  double last_record_ = 0;
  std::string last_started_;
};

}  // namespace ditmill::jobs::watch
