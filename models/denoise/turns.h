#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "models/denoise/denoise.h"

namespace ditmill::models {

/// A denoiser and the steps that it does of all: of several experts each has its turn, the one for much noise
/// first; a model with one transformer has one turn.
struct Turn {
  /// Brings the denoiser, for as long as what is returned lives.
  std::function<std::unique_ptr<Denoiser>()> enter;
  std::shared_ptr<const Guidance> guidance;
  StepRange steps;
};

/// How many of a sampler's steps, from the first on, have a timestep of at least 1000 * boundary: those of
/// the expert for much noise (diffusers, pipeline_wan.py: t >= boundary_ratio * num_train_timesteps).
int steps_above(const Sampler& sampler, double boundary);

/// Makes the inputs of clips for a denoiser with such tensors: in batches, each of which runs together.
using MakeInputs = std::function<std::vector<std::vector<DenoiseInput>>(const at::TensorOptions& options)>;

/// All steps of all clips, turn by turn: a turn's denoiser comes once, however many batches there are; their
/// latents wait for the next. What a clip becomes does not depend on the batches. Collective over the ranks
/// of a group.
std::vector<Denoised> denoise_by_turns(std::span<const Turn> turns, const dist::ParallelContext& parallel,
                                       const MakeInputs& make_inputs, const AtStep& at_step = {});

}  // namespace ditmill::models
