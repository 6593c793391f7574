#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "jobs/plan/prepare.h"
#include "slurm/allocation.h"

namespace ditmill::jobs::engine {

/// Facts of the machine and the launch that go into the dump.
struct LaunchFacts {
  int world = 1;
  int threads = 1;
  slurm::Allocation allocation;
  std::map<std::string, std::string> libraries;
};

/// What a job is once its weights are known and it is frozen.
struct FrozenFacts {
  nlohmann::json identity;      ///< job_identity()
  std::string weights_digest;   ///< of the whole model
  std::string manifest_sha256;  ///< of the frozen manifest
  std::string requests;         ///< the file of the frozen items, under whatever name it has now
  std::size_t items = 0;        ///< how many these are
};

/// What config.json says: all three layers, and what else can change a result. Throws Error as list_sha256()
/// does.
nlohmann::json dump_job(const plan::PreparedJob& job, const FrozenFacts& frozen, const LaunchFacts& launch,
                        const at::Device& device);

}  // namespace ditmill::jobs::engine
