#include "jobs/engine/loading/loading_record.h"

#include <nlohmann/json.hpp>

namespace ditmill::jobs::engine {
namespace {

nlohmann::json to_json(const dist::LoadSeconds& seconds) {
  return {
      {"read", seconds.read}, {"network", seconds.network}, {"hash", seconds.hash}, {"copy", seconds.copy}};
}

}  // namespace

nlohmann::json to_json(std::span<const LoadedComponent> components) {
  nlohmann::json rows = nlohmann::json::array();
  for (const LoadedComponent& component : components) {
    rows.push_back({{"name", component.name},
                    {"strategy", configs::name(component.choice.strategy)},
                    {"why", component.choice.why},
                    {"bytes", component.bytes},
                    {"seconds", component.seconds},
                    {"reading_machines", component.reading_machines},
                    {"read_bytes", component.work.read_bytes},
                    {"network_bytes", component.network_bytes},
                    {"verified_bytes", component.work.verified_bytes},
                    {"private_bytes", component.work.private_bytes},
                    {"shared_bytes", component.work.shared_bytes},
                    {"busy", to_json(component.work.busy)},
                    {"stall", to_json(component.work.stall)},
                    {"build_seconds", component.build_seconds}});
  }
  return rows;
}

}  // namespace ditmill::jobs::engine
