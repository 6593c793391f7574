#include "models/denoise/denoising_generator.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

#include "configs/list_text.h"
#include "models/generator_parts.h"

namespace ditmill::models {

DenoisingGenerator::DenoisingGenerator(configs::PipelineConfig pipeline, dist::ParallelContext parallel)
    : pipeline_(std::move(pipeline)), parallel_(std::move(parallel)) {}

std::vector<ClipLatents> DenoisingGenerator::denoise(std::span<const ClipInput> clips,
                                                     const dist::Tell& tell) {
  return guarded([&] {
    const auto together = static_cast<std::size_t>(parallel_.degree(dist::Axis::pp));
    std::string items;
    for (const ClipInput& clip : clips) extend_list(items, clip.request.id);
    const MakeInputs make_inputs = [&](const at::TensorOptions& options) {
      std::vector<std::vector<DenoiseInput>> batches;
      for (std::size_t i = 0; i < clips.size(); ++i) {
        if (i % together == 0) batches.emplace_back();
        batches.back().push_back(input_of(options, clips[i]));
      }
      return batches;
    };
    const auto at_step = [&](int step) {
      tell((clips.size() == 1 ? "denoising item " : "denoising items ") + items + ", step " +
           std::to_string(step + 1) + " of " + std::to_string(pipeline_.steps));
    };
    std::vector<ClipLatents> results;
    for (Denoised& made : denoise_by_turns(turns(), parallel_, make_inputs, at_step)) {
      at::Tensor latents =
          concluded(made.latents[0].to(at::kCPU, at::kFloat).contiguous(), clips[results.size()]);
      results.push_back({std::move(latents), std::move(made.failure)});
    }
    return results;
  });
}

}  // namespace ditmill::models
