#include "jobs/bench/read_parallel.h"

#include <utility>
#include <vector>

#include "configs/yaml_reader.h"

namespace ditmill::jobs::bench {

configs::ParallelConfig read_parallel(const std::string& text, double guidance) {
  std::vector<Problem> problems;
  configs::YamlNode degrees = configs::parse_yaml(text, "--parallel", problems);
  configs::YamlNode pipeline{.kind = configs::YamlNode::Kind::mapping, .line = 1, .column = 1};
  pipeline.entries.emplace_back(
      configs::YamlNode{.kind = configs::YamlNode::Kind::scalar, .text = "parallel", .line = 1, .column = 1},
      std::move(degrees));
  configs::PipelineConfig config;
  config.guidance_scale = guidance;
  configs::apply_pipeline({pipeline, "pipeline", "--parallel", problems}, config);
  if (config.parallel.automatic) {
    problems.push_back(
        {.message = "--parallel: what is measured has degrees", .expected = "a mapping", .got = "auto"});
  }
  if (!problems.empty()) throw Error{std::move(problems)};
  return config.parallel;
}

}  // namespace ditmill::jobs::bench
