#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "jobs/results/files/run_directory.h"
#include "jobs/watch/status/run_life.h"

namespace ditmill::jobs::watch {

/// What became of a piece of work.
enum class SpanKind { done, failed, quarantined, lost, running };

/// A piece of work of a group, from an item's start to its end; or several that lie side by side, where there
/// are too many to draw.
struct Span {
  double begin = 0;  ///< seconds since 1970
  double end = 0;
  SpanKind kind = SpanKind::done;
  std::uint32_t items = 1;
  double work = 0;   ///< seconds between begin and end in which an item was in hand
  std::string item;  ///< its id; empty if it is several
};

/// What one group did in one epoch.
struct Lane {
  int epoch = 0;
  int group = 0;
  double begin = 0;  ///< its first record
  double end = 0;    ///< the end of its epoch: the last record of any group, or now
  double busy = 0;   ///< seconds in which at least one item was in hand
  std::vector<Span> spans;
};

/// A start of the run.
struct EpochFacts {
  int number = 0;
  std::string host;
  std::string slurm_job;
  int slurm_restart = 0;
  double begin = 0;    ///< its first record; 0: none
  double end = 0;      ///< its last record, or now
  bool alive = false;  ///< it is the newest, and its run is running
  std::string reason;  ///< of the last `stopped`
  int groups = 0;
  std::size_t done = 0;
  std::size_t failed = 0;  ///< with those quarantined
};

struct Gap {
  double begin = 0;
  double end = 0;
};

/// When which group worked on what, from the journals of all epochs.
struct Timeline {
  RunLife life;
  std::vector<EpochFacts> epochs;
  std::vector<Lane> lanes;  ///< by epoch, then group
  std::vector<Gap> gaps;    ///< in which no group had an item in hand, and that are long enough to be seen
  double begin = 0;         ///< of the first lane; 0: there is none
  double end = 0;
};

/// Reads the journals as streams; of at most about `most_spans` spans, neighbours are joined beyond that.
/// Damaged lines are passed over (JournalState tells of them). `now`: seconds since 1970. Throws Error(io).
Timeline read_timeline(const results::RunDirectory& run, double now, std::size_t most_spans = 60'000);

/// For the page: spans as [milliseconds since the span before began, milliseconds, kind, items] in one array.
nlohmann::json to_json(const Timeline& timeline);
nlohmann::json to_json(const EpochFacts& epoch);

/// The number of items done over time, as at most `points` steps: {"times": [...], "counts": [...]}. Sorts
/// `times`.
nlohmann::json progress_json(std::span<double> times, std::size_t points = 1500);

}  // namespace ditmill::jobs::watch
