#include "jobs/memory/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "jobs/store/group_store.h"
#include "registry/tensor_info.h"

namespace ditmill::jobs {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
/// Frames of a component on their way through a rank, and what MPI keeps of them.
constexpr std::uint64_t streaming_bytes = 32 * mebibyte;
/// What libraries take once they compute (threads, kernels, what an allocator cannot give back): measured
/// at up to 90 MB.
constexpr std::uint64_t library_bytes = 128 * mebibyte;
/// A text's place in a spool's index.
constexpr std::uint64_t spool_entry_bytes = 64;

/// Bytes of the largest tensor that is converted on its way: it is there twice for a moment.
std::uint64_t conversion_bytes(const dist::ComponentPlan& plan) {
  std::uint64_t largest = 0;
  for (const registry::WeightFile& file : plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      const bool kept = plan.dtype_of(tensor.name) == configs::Dtype::float32
                            ? tensor.type == registry::ElementType::f32
                            : tensor.type == registry::ElementType::bf16;
      if (!kept) largest = std::max(largest, tensor.end - tensor.begin);
    }
  }
  return largest;
}

/// What of a job depends on its list alone: looked at once for all plans.
struct ListMemory {
  std::vector<ItemsOfSize> sizes;
  std::set<std::string_view> texts;
  std::uint64_t results;

  explicit ListMemory(const PreparedJob& job)
      : sizes(items_by_size(job.manifest.items)), results(disk_bytes(job)) {
    const bool guided = job.manifest.pipeline.guidance_scale > 1;
    for (const PackedItem& item : job.manifest.items.packed()) {
      texts.insert(item.prompt);
      if (guided) texts.insert(item.negative_prompt);
    }
  }
};

std::uint64_t embedding_bytes(const PreparedJob& job, const configs::PipelineConfig& pipeline,
                              const ListMemory& list) {
  std::uint64_t bytes = 0;
  for (const std::string_view text : list.texts) {
    bytes += job.family->embedding_bytes(job.hyper_parameters, pipeline, text);
  }
  return bytes;
}

class Planner {
 public:
  Planner(const PreparedJob& job, const configs::PipelineConfig& pipeline, const ListMemory& list)
      : job_(job), pipeline_(pipeline), list_(list) {
    for (const auto& [request, items] : list.sizes) {
      const models::ActivationBytes bytes =
          job.family->activation_bytes(job.hyper_parameters, pipeline, request);
      encode_ = std::max(encode_, bytes.encode);
      clips_ = std::max({clips_, bytes.denoise, bytes.decode});
      largest_clip_ = std::max(largest_clip_, clip_bytes(job, request));
    }
  }

  MemoryPlan plan() const {
    MemoryPlan plan;
    for (const dist::ComponentPlan& component : job_.components) {
      const dist::ComponentPlan chosen = with_dtype(component);
      plan.components.push_back(
          {.role = chosen.role, .dtype = chosen.dtype, .bytes = chosen.bytes_on(dist::Mesh(1, {}), 0)});
    }
    const auto is_text = [](const std::string& role) { return role == "text_encoder"; };
    const std::uint64_t results = result_bytes();
    if (offload() == configs::Offload::none) {
      plan.stages.push_back(stage(
          "all", [](const std::string&) { return true; }, std::max(encode_, clips_),
          cache_bytes() + results));
      return plan;
    }
    const std::uint64_t index = list_.texts.size() * spool_entry_bytes;
    plan.stages.push_back(stage("text", is_text, encode_, index));
    plan.stages.push_back(stage(
        "clips", [&](const std::string& role) { return !is_text(role); }, clips_,
        cache_bytes() + results + index));
    return plan;
  }

 private:
  configs::Offload offload() const { return pipeline_.components.at("text_encoder").offload; }

  dist::ComponentPlan with_dtype(const dist::ComponentPlan& component) const {
    dist::ComponentPlan chosen = component;
    const auto found = pipeline_.components.find(component.role);
    chosen.dtype = found == pipeline_.components.end() ? pipeline_.dtype : found->second.dtype;
    return chosen;
  }

  template <typename Wanted>
  StageMemory stage(std::string name, const Wanted& wanted, std::uint64_t activations,
                    std::uint64_t kept) const {
    StageMemory stage{.name = std::move(name), .roles = {}, .activations = activations};
    std::uint64_t loading = 0;
    for (const dist::ComponentPlan& component : job_.components) {
      if (!wanted(component.role)) continue;
      const dist::ComponentPlan chosen = with_dtype(component);
      stage.roles.push_back(component.role);
      stage.weights += chosen.bytes_on(dist::Mesh(1, {}), 0);
      loading = std::max(loading, stage.weights + conversion_bytes(chosen) + streaming_bytes);
    }
    stage.others = kept + library_bytes;
    stage.peak = std::max(loading + library_bytes, stage.weights + activations + stage.others);
    return stage;
  }

  std::uint64_t cache_bytes() const {
    return std::min(text_cache_bytes(offload()), embedding_bytes(job_, pipeline_, list_));
  }

  /// An item as it is handed over, its copy, and an open part.
  std::uint64_t result_bytes() const {
    const std::uint64_t part = std::min(SealLimits{}.bytes + largest_clip_, list_.results);
    return 2 * largest_clip_ + part;
  }

  const PreparedJob& job_;
  const configs::PipelineConfig& pipeline_;
  const ListMemory& list_;
  std::uint64_t encode_ = 0;
  std::uint64_t clips_ = 0;
  std::uint64_t largest_clip_ = 0;
};

}  // namespace

std::uint64_t MemoryPlan::peak() const noexcept {
  std::uint64_t most = 0;
  for (const StageMemory& stage : stages) most = std::max(most, stage.peak);
  return most;
}

std::uint64_t MemoryPlan::weights() const noexcept {
  std::uint64_t most = 0;
  for (const StageMemory& stage : stages) most = std::max(most, stage.weights);
  return most;
}

MemoryPlan plan_memory(const PreparedJob& job) {
  if (job.family == nullptr) return {};
  return Planner{job, job.manifest.pipeline, ListMemory{job}}.plan();
}

std::vector<Alternative> alternatives(const PreparedJob& job) {
  if (job.family == nullptr) return {};
  const ListMemory list{job};
  std::vector<Alternative> found;
  std::uint64_t least = plan_memory(job).peak();
  configs::PipelineConfig pipeline = job.manifest.pipeline;
  std::string change;
  const auto consider = [&](const std::string& also) {
    change += change.empty() ? also : " with " + also;
    const std::uint64_t peak = Planner{job, pipeline, list}.plan().peak();
    if (peak < least) found.push_back({.change = change, .peak = peak});
    least = std::min(least, peak);
  };
  configs::ComponentConfig& text_encoder = pipeline.components.at("text_encoder");
  if (text_encoder.offload == configs::Offload::none) {
    text_encoder.offload = configs::Offload::stages;
    consider("components.text_encoder.offload: stages");
  }
  for (const std::string role : {"dit", "text_encoder", "vae"}) {
    if (pipeline.components.at(role).dtype == configs::Dtype::bfloat16) continue;
    pipeline.components.at(role).dtype = configs::Dtype::bfloat16;
    consider("components." + role + ".dtype: bfloat16 (other results)");
  }
  return found;
}

std::uint64_t embedding_bytes(const PreparedJob& job) {
  return job.family == nullptr ? 0 : embedding_bytes(job, job.manifest.pipeline, ListMemory{job});
}

nlohmann::json to_json(const MemoryPlan& plan) {
  nlohmann::json components = nlohmann::json::object();
  for (const ComponentMemory& component : plan.components) {
    components[component.role] = {{"dtype", configs::name(component.dtype)}, {"bytes", component.bytes}};
  }
  nlohmann::json stages = nlohmann::json::array();
  for (const StageMemory& stage : plan.stages) {
    stages.push_back({{"name", stage.name},
                      {"components", stage.roles},
                      {"weights_bytes", stage.weights},
                      {"activation_bytes", stage.activations},
                      {"other_bytes", stage.others},
                      {"peak_bytes", stage.peak}});
  }
  return {{"components", components}, {"stages", stages}, {"peak_bytes", plan.peak()}};
}

std::string to_text(const MemoryPlan& plan) {
  std::string text;
  for (const ComponentMemory& component : plan.components) {
    text += fmt::format("  {:<13}{:>13}  {}\n", component.role, gigabytes(component.bytes),
                        configs::name(component.dtype));
  }
  for (const StageMemory& stage : plan.stages) {
    text += fmt::format("  stage {:<7}{:>13}  at most: weights {}, activations {}, others {}\n", stage.name,
                        gigabytes(stage.peak), gigabytes(stage.weights), gigabytes(stage.activations),
                        gigabytes(stage.others));
  }
  return text;
}

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.3f} GB", static_cast<double>(bytes) / 1e9);
}

}  // namespace ditmill::jobs
