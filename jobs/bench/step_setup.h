#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "jobs/bench/bench_options.h"
#include "models/family.h"
#include "registry/component.h"

namespace ditmill::jobs::bench {

/// The one component of the model that `bench step` measures.
inline constexpr const char* step_component = "transformer";

/// What the command line of `bench step` comes to.
struct StepSetup {
  const models::Family* family = nullptr;
  registry::Component component;             ///< of shapes alone: no file has them
  nlohmann::json config;                     ///< what its config.json would say; null: nothing
  models::HyperParameters hyper_parameters;  ///< of that component
  configs::PipelineConfig pipeline;          ///< its steps are the caller's to set
  configs::Request request;                  ///< width, height and frames
  std::array<std::int64_t, 4> latent{};      ///< channels, frames, height, width

  configs::Dtype dtype() const { return pipeline.components.at(step_component).dtype; }
  std::int64_t tokens() const { return family->token_count(hyper_parameters, request); }
};

/// Throws Error: usage for what the catalog does not know, the model does not take or no mesh could have;
/// as Family::bind() for what ditmill cannot run.
StepSetup read_step_setup(const BenchStepOptions& options);

}  // namespace ditmill::jobs::bench
