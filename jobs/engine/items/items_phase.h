#pragma once

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "dist/liveness/rank_state.h"
#include "dist/liveness/sentinel.h"
#include "dist/parallel_context.h"
#include "jobs/engine/authority/authority.h"
#include "jobs/engine/authority/store_plan.h"
#include "jobs/engine/items/early_ending.h"
#include "jobs/engine/loading/generation.h"
#include "jobs/engine/ranks/teamwork.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::engine {

/// What the items of a run are worked on with.
struct ItemsParts {
  const dist::Communicator* world = nullptr;  ///< failures are agreed on by it
  const dist::Communicator* items = nullptr;  ///< the coordinator's and the groups' own, in the mesh's order
  const dist::ParallelContext* parallel = nullptr;
  Authority* authority = nullptr;  ///< on rank 0
  EarlyEnding* early_ending = nullptr;
  dist::Sentinel* sentinel = nullptr;
  dist::RankState* state = nullptr;
  GroupSeams seams = {};
  int max_fails = 0;  ///< of the coordinator
};

/// Makes clips of the items that are left, on every rank: rank 0's coordinator hands them out, each group
/// runs and stores what it is given, until nothing is left or something ends that early. Returns on rank 0
/// what did. Collective. Throws the agreed Error.
run::EarlyEnd work_on_items(const ItemsParts& parts, const Generation& generation,
                            const configs::PipelineConfig& pipeline, const StorePlan& plan);

}  // namespace ditmill::jobs::engine
