#include "models/wan/experts.h"

#include <algorithm>

#include "configs/error.h"

namespace ditmill::models::wan {
namespace {

/// Bringing an expert takes seconds to a minute, a clip's steps take minutes: more would gain nothing, and
/// cost what a kill loses.
constexpr std::size_t longest_window = 16;

}  // namespace

double boundary(const configs::PipelineConfig& pipeline) {
  const std::optional<double> given = configs::real_in(pipeline.more, "boundary");
  if (given) return *given;
  throw Error{Category::bad_input, "share the steps between two experts", Where{.key = "pipeline.boundary"},
              Expected{"a number from 0 to 1: the high-noise expert runs while t >= 1000 x boundary"},
              Got{"none, neither in the manifest nor in model_index.json nor in a preset"}};
}

double low_noise_guidance(const configs::PipelineConfig& pipeline) {
  return configs::real_in(pipeline.more, "guidance_scale_2").value_or(pipeline.guidance_scale);
}

std::size_t window_of_experts(const configs::PipelineConfig& pipeline) {
  const auto second = pipeline.components.find("transformer_2");
  if (second == pipeline.components.end()) return 1;
  const auto comes_whole = [](const configs::Offload& offload) {
    return offload.any() && !offload.by_block();
  };
  if (!comes_whole(second->second.offload) && !comes_whole(pipeline.components.at("transformer").offload)) {
    return 1;
  }
  return std::min<std::size_t>(longest_window, static_cast<std::size_t>(pipeline.text_window));
}

std::size_t clips_together(const configs::PipelineConfig& pipeline) {
  return std::max(window_of_experts(pipeline), static_cast<std::size_t>(pipeline.parallel.pp));
}

}  // namespace ditmill::models::wan
