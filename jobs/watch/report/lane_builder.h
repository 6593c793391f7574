#pragma once

#include <cstddef>
#include <vector>

#include "jobs/results/journal/open_attempts.h"
#include "jobs/results/journal/record.h"
#include "jobs/watch/report/timeline.h"

namespace ditmill::jobs::watch {

/// Makes a lane of the records of one journal, in their order, holding about `most_spans` spans however many
/// items it tells of: beyond them, neighbours of the same kind become one.
class LaneBuilder {
 public:
  LaneBuilder(int epoch, int group, std::size_t most_spans);

  void take(const results::Record& record);
  /// The lane, its spans by time. What was begun and never ended counts as lost, until the group's next start
  /// or `epoch_end`; if the epoch is alive, as running until then. To be called once.
  Lane finish(double epoch_end, bool alive);

 private:
  void add(const results::Record& record, SpanKind kind);
  void add_open(double epoch_end, SpanKind kind);
  void sort();
  void join();

  Lane lane_;
  std::size_t most_spans_;
  double reach_ = 0;  ///< of neighbours that become one: seconds between them at most
  results::OpenAttempts attempts_;
};

}  // namespace ditmill::jobs::watch
