#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "dist/weights/load.h"
#include "dist/weights/source/load_work.h"

namespace ditmill::jobs::engine {

/// How a component came to the ranks.
struct LoadedComponent {
  std::string name;
  dist::StrategyChoice choice;
  std::uint64_t bytes = 0;  ///< of its files
  double seconds = 0;
  int reading_machines = 1;
  dist::LoadWork work;  ///< of all ranks (work_of_ranks())
  std::uint64_t network_bytes = 0;
  double build_seconds = 0;  ///< of the layers that took it, with what others they took
};

/// What a start keeps of it, for `report`: [{name, strategy, why, bytes, seconds, reading_machines,
/// read_bytes, network_bytes, verified_bytes, private_bytes, shared_bytes, busy: {read, network, hash, copy},
/// stall: {..}, build_seconds}].
nlohmann::json to_json(std::span<const LoadedComponent> components);

}  // namespace ditmill::jobs::engine
