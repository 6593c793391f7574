#include "models/samplers/sampler.h"

#include "configs/error.h"
#include "models/samplers/flow_match_euler.h"
#include "models/samplers/unipc.h"

namespace ditmill::models {

std::unique_ptr<Sampler> make_sampler(configs::Solver solver, int steps, double flow_shift) {
  switch (solver) {
    case configs::Solver::unipc:
      return std::make_unique<UniPc>(unipc_schedule(steps, flow_shift));
    case configs::Solver::euler:
      return std::make_unique<FlowMatchEuler>(flow_match_euler_schedule(steps, flow_shift));
  }
  throw Error{Category::internal, "make a sampler", Where{.key = "pipeline.solver"}};
}

}  // namespace ditmill::models
