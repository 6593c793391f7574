#include "models/samplers/sampler.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

#include "configs/error.h"
#include "models/samplers/dpm_solver.h"
#include "models/samplers/flow_match_euler.h"
#include "models/samplers/unipc.h"

namespace ditmill::models {
namespace {

template <typename Way>
std::unique_ptr<Sampler> make(Schedule schedule) {
  return std::make_unique<Way>(std::move(schedule));
}

struct Solving {
  configs::Solver solver;
  Schedule (*schedule)(int steps, double shift);
  std::unique_ptr<Sampler> (*make)(Schedule schedule);
};

constexpr std::array<Solving, 5> solvers{
    {{configs::Solver::unipc, unipc_schedule, make<UniPc>},
     {configs::Solver::euler, flow_match_euler_schedule, make<FlowMatchEuler>},
     {configs::Solver::wan_unipc, wan_unipc_schedule, make<UniPc>},
     {configs::Solver::wan_euler, wan_euler_schedule, make<FlowMatchEuler>},
     {configs::Solver::wan_dpmpp, wan_dpm_schedule, make<DpmSolver>}}};

const Solving& solving(configs::Solver solver) {
  for (const Solving& each : solvers) {
    if (each.solver == solver) return each;
  }
  throw Error{Category::internal, "make a sampler", Where{.key = "pipeline.solver"}};
}

}  // namespace

at::Tensor half_log_snr(const at::Tensor& sigma) { return at::log(at::rsub(sigma, 1)) - at::log(sigma); }

Schedule make_schedule(configs::Solver solver, int steps, double flow_shift) {
  return solving(solver).schedule(steps, flow_shift);
}

std::unique_ptr<Sampler> make_sampler(configs::Solver solver, int steps, double flow_shift) {
  return solving(solver).make(make_schedule(solver, steps, flow_shift));
}

}  // namespace ditmill::models
