#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/model_definition.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"

namespace ditmill::configs {

/// What the dump says of one component of the model; the caller knows it from the weights' headers.
struct DumpedComponent {
  std::string role;
  std::string family;
  std::string variant;             ///< may be empty
  std::string layout;              ///< diffusers, official
  std::vector<std::string> paths;  ///< its weight files
  std::string key_hash;
  std::string digest;             ///< "sha256:HEX"; may be empty
  Dtype dtype = Dtype::bfloat16;  ///< that it runs in
  std::uint64_t parameters = 0;
};

/// The layers as JSON, every field present. The shape is TeleFuser's (`dump_config`): layer 1 holds
/// {"models": [{"name", "path": text or list, "class", ...}], ...}.
nlohmann::json dump_layer1(const ModelDefinition& model, const std::vector<DumpedComponent>& components);
nlohmann::json dump_layer2(const PipelineConfig& pipeline);
nlohmann::json dump_layer3(const Request& request);
/// The configuration that dump_layer2() wrote. Throws Error(bad_input) naming the field.
PipelineConfig pipeline_from_dump(const nlohmann::json& layer2);

/// The dump of a job: version, timestamp, pipeline_type, device, torch_dtype and layers 1 and 2.
nlohmann::json config_dump(const std::string& pipeline_type, const std::string& device,
                           std::chrono::system_clock::time_point time, nlohmann::json layer1,
                           const PipelineConfig& pipeline);

/// A time as ISO 8601 in UTC, with milliseconds: 2026-01-31T12:00:00.250Z
std::string iso_time(std::chrono::system_clock::time_point time);

}  // namespace ditmill::configs
