#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "configs/preset.h"

namespace ditmill::jobs::plan {

/// In what a scheduler_config.json asks for another schedule than a job's pipeline has, in words; ditmill
/// takes the pipeline's. `preset` (null: none) is where the pipeline's values come from: what differs from it
/// was chosen, and is not told.
std::vector<std::string> scheduler_differences(const nlohmann::json& config,
                                               const configs::PipelineConfig& pipeline,
                                               const configs::Preset* preset);

/// The same for the folder of a model, if it has a scheduler's, each with its file; one that cannot be read
/// is told. For warnings: nothing is refused.
std::vector<std::string> scheduler_warnings(const std::string& model_path,
                                            const configs::PipelineConfig& pipeline);

/// What a model folder's model_index.json says of fields that are declared to stand there; nothing where
/// there is no such file. Throws Error(bad_input) for a value that the field does not take.
configs::FieldValues settings_of_index(const std::string& model_path);

}  // namespace ditmill::jobs::plan
