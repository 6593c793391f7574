#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/model_definition.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"

namespace ditmill::configs {

/// Now, as ISO 8601 in UTC: 2026-11-22T09:13:27Z.
std::string utc_now();

/// What the dump says of one component; filled by whoever opened it.
struct ComponentDump {
  std::string name = {};
  std::string family = {};
  std::string architecture = {};
  std::string variant = {};
  std::string layout = {};
  std::string path = {};
  std::string key_hash = {};
  std::string digest = {};  ///< "sha256:HEX"
  std::string dtype = {};   ///< it runs in
  std::uint64_t parameters = 0;
  nlohmann::json hyper_parameters =
      nlohmann::json::object();  ///< effective ones: from shapes and config.json
};

/// One of the transformers that share the steps of a model between them.
struct ExpertDump {
  std::string name = {};  ///< "high" or "low": the noise that it takes away
  std::string variant = {};
};

/// What is bound to the weights and found in their files, where ModelDefinition is what the manifest says.
struct WeightsDump {
  std::vector<ComponentDump> components = {};
  std::vector<ExpertDump> experts = {};  ///< none: one transformer does all steps
  std::string quantization = {};         ///< element types that are no floats of 16 bits or more; empty: none
  std::string prediction_type = {};      ///< what the transformer predicts: "flow"; empty: no weights
};

/// The three layers as JSON, every field present. Layer 1 lists the components as {"models": [{"name",
/// "class" (its architecture), ...}]}; what there is none of (quantization, prediction type, noop) is null.
nlohmann::json dump_layer1(const ModelDefinition& model, const WeightsDump& weights);
nlohmann::json dump_layer2(const PipelineConfig& pipeline);
nlohmann::json dump_layer3(const Request& request);
/// A dumped layer 1 or 2 with the components' names of now: dumps of earlier versions call the transformer
/// `dit`.
nlohmann::json with_component_names(nlohmann::json layer);
/// Layer 2 back from its dump. Throws Error(bad_input) for a dump of another shape.
PipelineConfig pipeline_from_dump(const nlohmann::json& layer2);

/// The whole dump, with TeleFuser's field names: version, timestamp (ISO 8601, UTC), pipeline_type, device,
/// torch_dtype, layer1_model_definition, layer2_inference_config.
nlohmann::json dump_config(const std::string& pipeline_type, const std::string& device,
                           const nlohmann::json& layer1, const nlohmann::json& layer2);

}  // namespace ditmill::configs
