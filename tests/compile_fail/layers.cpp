// One right and many wrong ways to use the three layers. Each compilation defines RIGHT or one WRONG_...;
// what the compiler must say of it stands in CMakeLists.txt.
#include "configs/model_definition.h"
#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "configs/yaml_reader.h"

using namespace ditmill::configs;

void load(const ModelDefinition& model);
void prepare(const PipelineConfig& pipeline);
void denoise(const Request& request);

int use(MapReader reader, const ModelDefinition& loaded, PipelineConfig pipeline, Request request) {
#if defined(RIGHT)
  load(loaded);
  prepare(pipeline);
  denoise(request);
  apply_pipeline(reader, pipeline);
  RequestDraft draft{.request = request};
  read_request(reader, draft);
  request = draft.request;
  request.seed = 7;
  pipeline.steps = 8;
  const ModelDefinition read = read_model_definition(reader, "/");
  return pipeline.steps + request.width + static_cast<int>(read.path.size() + loaded.path.size());
#elif defined(WRONG_REQUEST_AS_PIPELINE)
  prepare(request);
#elif defined(WRONG_PIPELINE_AS_REQUEST)
  denoise(pipeline);
#elif defined(WRONG_PIPELINE_AS_MODEL)
  load(pipeline);
#elif defined(WRONG_MODEL_AS_PIPELINE)
  prepare(loaded);
#elif defined(WRONG_REQUEST_FROM_PIPELINE)
  request = pipeline;
#elif defined(WRONG_PIPELINE_FROM_BRACES_OF_A_REQUEST)
  prepare({request});
#elif defined(WRONG_STEPS_OF_A_REQUEST)
  return request.steps;
#elif defined(WRONG_SEED_OF_A_PIPELINE)
  return static_cast<int>(pipeline.seed);
#elif defined(WRONG_PATH_OF_A_REQUEST)
  return static_cast<int>(request.path.size());
#elif defined(WRONG_WRITE_TO_A_LOADED_MODEL)
  loaded.distilled = true;
#elif defined(WRONG_READ_INTO_A_LOADED_MODEL)
  loaded = read_model_definition(reader, "/");
#elif defined(WRONG_PIPELINE_READ_INTO_A_REQUEST)
  apply_pipeline(reader, request);
#elif defined(WRONG_REQUEST_READ_INTO_A_PIPELINE)
  read_request(reader, pipeline);
#elif defined(WRONG_COMPARISON_OF_LAYERS)
  return request == pipeline ? 1 : 0;
#elif defined(WRONG_TEXT_AS_DTYPE)
  pipeline.dtype = "bfloat16";
#else
#error "no such case"
#endif
  return 0;
}
