#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/embedded.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"

namespace ditmill::configs {

/// What a model's authors recommend: layer 2, and what requests take where they say nothing.
struct Preset {
  std::string name;
  PipelineConfig pipeline;  ///< with `preset` and negative_prompt_suffix set
  RequestDraft defaults;
};

/// The names of the presets that are compiled in, sorted.
std::vector<std::string> preset_names();
/// The preset of that name. Throws Error(usage) naming those there are and the nearest.
Preset preset_named(std::string_view name);
/// The preset that `pipeline.preset` names; none if it names none, or one that is unknown, which is a
/// problem.
std::optional<Preset> read_preset(MapReader& pipeline);

/// Decodes a preset's file (configs/presets/*.yaml). Throws Error with all problems.
Preset parse_preset(const EmbeddedText& file);

}  // namespace ditmill::configs
