#include "models/denoise/turns.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ditmill::models {

int steps_above(const Sampler& sampler, double boundary) {
  constexpr double train_timesteps = 1000;
  int steps = 0;
  while (steps < sampler.steps() && sampler.timestep(steps) >= boundary * train_timesteps) ++steps;
  return steps;
}

std::vector<Denoised> denoise_by_turns(std::span<const Turn> turns, const dist::ParallelContext& parallel,
                                       const MakeInputs& make_inputs, const AtStep& at_step) {
  std::vector<Denoising> batches;
  for (const Turn& turn : turns) {
    if (turn.steps.from == turn.steps.to) continue;
    const std::unique_ptr<Denoiser> denoiser = turn.enter();
    if (batches.empty()) {
      for (std::vector<DenoiseInput>& batch : make_inputs(denoiser->options())) {
        batches.emplace_back(std::move(batch), parallel);
      }
    }
    for (Denoising& batch : batches) batch.run(*denoiser, *turn.guidance, turn.steps, at_step);
  }
  std::vector<Denoised> results;
  for (Denoising& batch : batches) std::ranges::move(batch.finish(), std::back_inserter(results));
  return results;
}

}  // namespace ditmill::models
