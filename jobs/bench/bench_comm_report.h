#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "jobs/bench/bench_clock.h"
#include "jobs/bench/bench_collectives.h"

namespace ditmill::jobs::bench {

/// One case and what became of it.
struct BenchResult {
  BenchCase::Kind kind = BenchCase::Kind::collective;
  std::string name;
  std::uint64_t bytes = 0;
  double least_traffic = 0;
  bool one_way = false;
  std::uint64_t given = 0;      ///< bytes that Traffic counted for one call on the rank that gave most
  std::uint64_t exchanges = 0;  ///< of one call
  Spread seconds;               ///< of one call

  /// Bytes a second that the busiest link must have carried, by the median; 0 without bytes.
  double rate() const;
  /// The same by the fastest repeat: what a link or a memory can give, for a load only takes from that.
  double best_rate() const;
};

/// Where and how it was measured.
struct BenchSetting {
  std::map<std::string, int> hosts;  ///< ranks by machine
  int world = 0;
  std::string backend;  ///< mpi or nccl
  std::string device;   ///< of rank 0
  int threads = 0;
  int repeats = 0;
  double load = 0;  ///< average of rank 0's machine in the minute before
  std::map<std::string, std::string> libraries;
};

/// Results as `bench comm --json` prints them. `share`: of what the links gave to plain exchanges at their
/// best size and repeat, as many ranks giving at once; null where no bytes are counted.
nlohmann::json bench_comm_json(const BenchSetting& setting, const std::vector<BenchResult>& results);
/// The same for people, a line a size.
std::string bench_comm_table(const BenchSetting& setting, const std::vector<BenchResult>& results);

}  // namespace ditmill::jobs::bench
