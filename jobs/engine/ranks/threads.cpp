#include "jobs/engine/ranks/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "jobs/plan/memory/memory_limit.h"

namespace ditmill::jobs::engine {
namespace {

struct Affinity {
  int cores = 1;
  std::string name;  ///< host and cores: equal for ranks that share them
};

Affinity own_affinity() {
  Affinity affinity;
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  affinity.name = host;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return affinity;
  affinity.cores = std::max(1, CPU_COUNT(&set));
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) affinity.name += " " + std::to_string(core);
  }
  return affinity;
}

}  // namespace

int usable_cores() { return own_affinity().cores; }

int default_threads(const dist::Communicator& comm, const slurm::Allocation& allocation) {
  const Affinity affinity = own_affinity();
  const std::vector<std::string> names = comm.gather_text(affinity.name, 0, dist::Purpose::plan);
  std::map<std::string, int> sharing;
  for (const std::string& name : names) ++sharing[name];
  const std::string counted = comm.broadcast_text(nlohmann::json(sharing).dump(), 0, dist::Purpose::plan);
  int threads = affinity.cores / nlohmann::json::parse(counted).at(affinity.name).get<int>();
  if (allocation.cpus_per_task) threads = std::min(threads, *allocation.cpus_per_task);
  return std::max(1, threads);
}

std::vector<std::string> machines_of(const dist::Communicator& comm) {
  const std::vector<std::string> machines = comm.gather_text(plan::machine_id(), 0, dist::Purpose::plan);
  const std::string all = comm.broadcast_text(nlohmann::json(machines).dump(), 0, dist::Purpose::plan);
  return nlohmann::json::parse(all).get<std::vector<std::string>>();
}

int local_rank(const dist::Communicator& comm) {
  const std::vector<std::string> machines = machines_of(comm);
  const auto own = machines.begin() + comm.rank();
  return static_cast<int>(std::count(machines.begin(), own, *own));
}

}  // namespace ditmill::jobs::engine
