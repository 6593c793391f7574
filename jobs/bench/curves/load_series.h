#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/bench/spread.h"

namespace ditmill::jobs::bench {

/// How one strategy did on so many machines, over all its runs.
struct LoadFigures {
  std::string strategy;
  int nodes = 1;
  int ranks = 1;
  std::vector<double> seconds = {};          ///< of its runs; empty: it was skipped
  std::optional<double> limit_seconds = {};  ///< the first file's that tells one
  std::vector<double> read_ratios = {};      ///< read from storage by all, of the model's bytes
  std::vector<double> network_ratios = {};   ///< and received from other ranks
  std::vector<double> private_bytes = {};    ///< of the rank where it grew most
  std::vector<double> shared_bytes = {};     ///< a machine
  std::string skipped = {};                  ///< why
  Spread spread() const { return spread_of(seconds); }
};

/// What was loaded in all the files of a report.
struct LoadSeries {
  std::string model;
  std::uint64_t bytes = 0;
  double ranks_per_node = 1;
  bool cold = false;
  bool hash = true;
  std::string device;
  std::vector<LoadFigures> figures = {};  ///< strategies in the order of the files, machines ascending
  std::vector<std::string> notes = {};    ///< what sweeps say of their machines

  std::vector<std::string> strategies() const;
  std::vector<int> nodes() const;
  /// Null: it was not tried there.
  const LoadFigures* find(const std::string& strategy, int count) const;
  /// Median seconds on so many machines as a multiple of those on the fewest of the series; none where either
  /// is missing. `striped` on one machine is `broadcast`.
  std::optional<double> growth(const LoadFigures& of) const;
};

/// Reads JSON of `bench load` and `bench sweep`, and joins them: runs of one strategy on one number of
/// machines count together. Throws Error: bad_input with file and place for what is none, usage where files
/// tell of other weights or ways and cannot stand in one table; as durable::read_file() does.
LoadSeries read_load_series(const std::vector<std::string>& paths);
/// The same of one file's text; adds to `series`.
void add_load_text(LoadSeries& series, const std::string& path, const std::string& text);

}  // namespace ditmill::jobs::bench
