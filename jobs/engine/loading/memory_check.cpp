#include "jobs/engine/loading/memory_check.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/size_text.h"
#include "dist/comm/agree.h"
#include "dist/device.h"
#include "jobs/plan/memory/memory_limit.h"

namespace ditmill::jobs::engine {

plan::RankMemory on_device(const at::Device& device) {
  const std::string name = dist::describe_device(device);
  return {.machine = plan::machine_id(),
          .name = plan::machine_name(),
          .resident = 0,
          .bounds = {{.id = plan::machine_id() + " " + name,
                      .source = "free memory of " + name,
                      .available = dist::free_memory(device)}}};
}

std::uint64_t check_memory(const dist::Communicator& comm, const std::optional<MemoryDemand>& demand,
                           const plan::RankMemory& here) {
  const std::vector<std::string> texts = comm.gather_text(to_json(here).dump(), 0, dist::Purpose::plan);
  std::uint64_t most = 0;
  dist::agree(comm, [&] {
    if (!demand) return;
    std::vector<plan::RankMemory> ranks;
    for (const std::string& text : texts) {
      const std::uint64_t peak = demand->plans.of(static_cast<int>(ranks.size())).peak();
      ranks.push_back(plan::rank_memory_from_json(nlohmann::json::parse(text)));
      most = std::max(most, ranks.back().resident + peak);
    }
    const plan::RankPlans plans = plan::as_loaded(demand->plans, ranks, demand->loading);
    if (auto shortage = plan::memory_shortage(ranks, plans, demand->alternatives)) {
      throw Error{std::move(*shortage)};
    }
    for (const plan::SharedBound& bound : plan::shared_bounds(ranks)) {
      spdlog::debug("{}: {} of memory for {} ranks ({})", bound.name, gigabytes(bound.available),
                    bound.count(), bound.source);
    }
  });
  return most;
}

}  // namespace ditmill::jobs::engine
