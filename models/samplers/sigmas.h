#pragma once

#include <vector>

namespace ditmill::models {

/// The noise levels of one denoising run: `sigmas` has one more than there are steps, the last is 0.
struct Schedule {
  std::vector<float> sigmas;
  std::vector<float> timesteps;  ///< what the transformer is told, one a step
};

/// diffusers' UniPC with flow sigmas: N levels from 1 (kept just below it) towards 0.001, shifted once, in
/// float64; timesteps are 1000 sigma, cut to whole numbers. steps >= 1, shift > 0.
Schedule unipc_schedule(int steps, double shift);
/// diffusers' FlowMatchEuler: levels between the already shifted ends, shifted again, in float64; timesteps
/// are 1000 sigma in float32. steps >= 1, shift > 0.
Schedule flow_match_euler_schedule(int steps, double shift);

/// As Wan's own code has its UniPC: levels from 0.999 towards 0, shifted once, in float64; timesteps are 1000
/// sigma, cut (Wan2.1 wan/utils/fm_solvers_unipc.py). steps >= 1, shift > 0.
Schedule wan_unipc_schedule(int steps, double shift);
/// As its DPM++: levels from exactly 1 towards 0 (wan/utils/fm_solvers.py).
Schedule wan_dpm_schedule(int steps, double shift);
/// As TeleFuser and LightX2V have Euler for Wan, also for models that are distilled to few steps: levels from
/// exactly 1 towards 0, shifted once, in float32; timesteps are 1000 sigma. steps >= 1, shift > 0.
Schedule wan_euler_schedule(int steps, double shift);

}  // namespace ditmill::models
