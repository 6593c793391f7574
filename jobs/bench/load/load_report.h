#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dist/weights/source/load_work.h"
#include "jobs/bench/load/load_limits.h"

namespace ditmill::jobs::bench {

/// Which machines read a byte of the files.
enum class Readers { each, one, a_part_each };

/// What all ranks together made of one load of all components.
struct LoadRun {
  std::string strategy;
  Readers readers = Readers::each;
  int repeat = 0;
  double first_component = 0;    ///< seconds until the last rank had the first component, every page touched
  double last_rank = 0;          ///< and all of them
  dist::LoadWork work;           ///< bytes: of all ranks; seconds: of the rank that had most of each
  std::uint64_t held_bytes = 0;  ///< of the tensors of all ranks, each counting what it shares
  std::uint64_t network_bytes = 0;
  std::uint64_t private_growth = 0;  ///< of Private_Dirty, of the rank where it grew most
  std::uint64_t page_faults = 0;     ///< of all ranks
};

/// What was loaded, and on what.
struct LoadSetting {
  std::string model;
  std::uint64_t bytes = 0;
  int nodes = 1;
  int ranks = 1;
  bool cold = false;
  bool hash = true;
  std::string device;
  double load = 0;  ///< of the machine as it began
};

/// The least seconds that a strategy could take for what it did, by the limits of the same run.
double limit_seconds(const LoadSetting& setting, const LoadLimits& limits, const LoadRun& run);

/// A strategy that was not run, and why.
struct SkippedStrategy {
  std::string strategy;
  std::string why;
};

/// contracts.md, "bench load"; beside its fields `hash`, `device`, `load_average`.
nlohmann::json bench_load_json(const LoadSetting& setting, const LoadLimits& limits,
                               const std::vector<LoadRun>& runs, const std::vector<SkippedStrategy>& skipped);
std::string bench_load_table(const LoadSetting& setting, const LoadLimits& limits,
                             const std::vector<LoadRun>& runs, const std::vector<SkippedStrategy>& skipped);

}  // namespace ditmill::jobs::bench
