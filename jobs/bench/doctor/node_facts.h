#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::bench::doctor {

/// A GPU as nvidia-smi shows it.
struct Gpu {
  std::string name;
  double memory_mib = 0;
  double clock_mhz = 0;      ///< of its SMs, now
  double top_clock_mhz = 0;  ///< that they can have
  std::string
      held_back;  ///< what slows it down now, but for idleness and limits somebody set; empty: nothing
};

/// What was found out about one node. Rates of 0 were not measured.
struct NodeFacts {
  std::string host;
  int cores = 1;                       ///< that the doctor may use
  double load = 0;                     ///< of the last minute, before it began
  double cpu_rate = 0;                 ///< million steps of a fixed loop in a second of a core's time
  std::uint64_t memory = 0;            ///< bytes
  std::uint64_t memory_available = 0;  ///< within the limits of all cgroups
  std::uint64_t shm = 0;               ///< of /dev/shm, bytes
  std::uint64_t shm_free = 0;
  double clock_offset = 0;  ///< seconds that its clock is ahead of the first node's
  double write_rate = 0;    ///< MB/s, with fsync
  double read_rate = 0;     ///< MB/s
  std::string folder_error;
  std::vector<Gpu> gpus;
  std::string gpu_error;                        ///< why nvidia-smi, which is there, tells nothing
  std::map<std::string, std::string> versions;  ///< of libraries and the driver
  std::vector<double> pair_rates;               ///< MB/s each way, with each of the nodes
  bool silent = false;                          ///< it did not answer: nothing but `host` is known

  double best_pair() const;
  /// Takes what was better in another look: a slow moment is no slow node.
  void take_better(const NodeFacts& look);
};

nlohmann::json to_json(const NodeFacts& facts);
NodeFacts facts_from_json(const nlohmann::json& json);

/// Reads what nvidia-smi prints by gpu_query. Throws Error(io) for other text.
std::vector<Gpu> parse_gpus(std::string_view text);
inline constexpr const char* gpu_query =
    "--query-gpu=name,memory.total,clocks.sm,clocks.max.sm,clocks_throttle_reasons.active,driver_version";

/// Looks at this node in about so many seconds, or two thirds of that longer if nvidia-smi hangs. Throws
/// nothing for what is broken: that is a fact too.
NodeFacts look_at_node(const std::string& folder, double seconds);

}  // namespace ditmill::jobs::bench::doctor
