#include "jobs/plan/memory/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/size_text.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/offloaded.h"
#include "jobs/results/store/group_store.h"
#include "registry/tensor_info.h"

namespace ditmill::jobs::plan {
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

/// Bytes of the blocks that fsdp gathers: the one in use and the next, or all of them.
std::uint64_t gathered_bytes(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank,
                             bool reshard) {
  std::uint64_t largest = 0;
  std::uint64_t all = 0;
  std::uint64_t blocks = 0;
  for (const auto& [layer, layout] : dist::block_layouts(plan, mesh, rank)) {
    largest = std::max(largest, layout.bytes);
    all += layout.bytes;
    ++blocks;
  }
  return reshard ? std::min<std::uint64_t>(blocks, 2) * largest : all;
}

/// Bytes of what comes and goes: a whole component, or the buffers that its blocks come to.
std::uint64_t coming_bytes(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank) {
  const std::vector<dist::Piece> pieces = dist::offloaded_pieces(plan, mesh, rank);
  std::uint64_t largest = 0;
  for (const dist::Piece& piece : pieces) largest = std::max(largest, piece.layout.bytes);
  const bool ahead = plan.offload.type == configs::OffloadType::async;
  const std::size_t buffers = 1 + (ahead ? static_cast<std::size_t>(plan.offload.prefetch) : 0);
  return std::min(pieces.size(), buffers) * largest;
}

/// Bytes of what comes and goes, where it lies in the memory of a device's host.
std::uint64_t lying_bytes(const dist::ComponentPlan& plan, const dist::Mesh& mesh, int rank) {
  std::uint64_t bytes = 0;
  for (const dist::Piece& piece : dist::offloaded_pieces(plan, mesh, rank)) bytes += piece.layout.bytes;
  return bytes;
}

}  // namespace

/// One plan in the making.
class PlanMaker {
 public:
  PlanMaker(const MemoryPlanner& planner, const configs::PipelineConfig& pipeline, const dist::Mesh& mesh,
            int rank)
      : planner_(planner), job_(planner.job()), pipeline_(pipeline) {
    models::ActivationBytes most;
    for (const auto& [request, items] : planner.sizes_) {
      const models::ActivationBytes bytes =
          job_.family->activation_bytes(job_.hyper_parameters, pipeline, request, job_.cpu);
      most = {.encode = std::max(most.encode, bytes.encode),
              .pictures = std::max(most.pictures, bytes.pictures),
              .denoise = std::max(most.denoise, bytes.denoise),
              .decode = std::max(most.decode, bytes.decode)};
    }
    for (models::Phase& phase : job_.family->phases(job_.hyper_parameters)) {
      using Kind = models::Phase::Kind;
      const std::uint64_t bytes = phase.kind == Kind::texts      ? most.encode
                                  : phase.kind == Kind::pictures ? most.pictures
                                  : phase.kind == Kind::denoise  ? most.denoise
                                                                 : most.decode;
      phases_.push_back({std::move(phase), bytes});
    }
    for (const dist::ComponentPlan& component : job_.components) {
      dist::ComponentPlan chosen = component;
      choose(pipeline, chosen);
      held_.push_back({.name = chosen.name, .dtype = chosen.dtype, .bytes = chosen.bytes_on(mesh, rank)});
      converted_.push_back(conversion_bytes(chosen));
      shareable_.push_back(!chosen.fsdp && (pipeline.loading == configs::Strategy::automatic ||
                                            pipeline.loading == configs::Strategy::shared));
      if (chosen.fsdp) blocks_ += gathered_bytes(chosen, mesh, rank, pipeline.parallel.reshard_after_forward);
      if (!chosen.offload.any()) continue;
      const std::uint64_t coming = coming_bytes(chosen, mesh, rank) + converted_.back() + streaming_bytes;
      (dist::comes_whole(chosen) ? phases_[phase_of(chosen.name)].bytes : blocks_) += coming;
      const std::uint64_t lies = lying_bytes(chosen, mesh, rank);
      chosen.offload = {};
      const std::uint64_t loaded = chosen.bytes_on(mesh, rank) + converted_.back() + streaming_bytes;
      beside_device_ = std::max(beside_device_, lying_ + lies + loaded);
      lying_ += lies;
    }
    for (const auto& [phase, bytes] : phases_) {
      std::uint64_t& largest = phase.kind == models::Phase::Kind::texts ? encode_ : clips_;
      largest = std::max(largest, bytes);
    }
  }

  MemoryPlan plan() const {
    MemoryPlan plan{.components = held_, .stages = {}, .beside_device = beside_device_};
    const auto is_text = [&](const std::string& name) {
      return phases_[phase_of(name)].phase.kind == models::Phase::Kind::texts;
    };
    const std::uint64_t results = result_bytes();
    if (!offload().any()) {
      plan.stages.push_back(stage(
          "all", [](const std::string&) { return true; }, std::max(encode_, clips_) + blocks_,
          cache_bytes() + results));
      return plan;
    }
    const std::uint64_t index = planner_.texts_.size() * spool_entry_bytes;
    plan.stages.push_back(stage("text", is_text, encode_, index));
    plan.stages.push_back(stage(
        "clips", [&](const std::string& name) { return !is_text(name); }, clips_ + blocks_,
        cache_bytes() + results + index));
    return plan;
  }

 private:
  /// A phase, and what it takes beside weights that stay: with what comes for it and goes.
  struct Taken {
    models::Phase phase;
    std::uint64_t bytes = 0;
  };
  /// The phase that takes a component.
  std::size_t phase_of(const std::string& component) const {
    const auto takes = [&component](const Taken& taken) {
      return std::ranges::find(taken.phase.components, component) != taken.phase.components.end();
    };
    const auto found = std::ranges::find_if(phases_, takes);
    if (found != phases_.end()) return static_cast<std::size_t>(found - phases_.begin());
    throw Error{Category::internal, "plan memory", Where{.key = component},
                Expected{"a phase that takes it"}};
  }
  const configs::Offload& offload() const { return pipeline_.components.at("text_encoder").offload; }

  template <typename Wanted>
  StageMemory stage(std::string name, const Wanted& wanted, std::uint64_t activations,
                    std::uint64_t kept) const {
    StageMemory stage{.name = std::move(name), .components = {}, .activations = activations};
    std::uint64_t loading = 0;
    for (std::size_t i = 0; i < held_.size(); ++i) {
      if (!wanted(held_[i].name)) continue;
      stage.components.push_back(held_[i].name);
      stage.weights += held_[i].bytes;
      if (shareable_[i]) stage.shared += held_[i].bytes;
      loading = std::max(loading, stage.weights + converted_[i] + streaming_bytes);
    }
    stage.others = kept + library_bytes;
    stage.peak = std::max(loading + library_bytes, stage.weights + activations + stage.others);
    return stage;
  }

  std::uint64_t cache_bytes() const {
    const std::uint64_t most = text_cache_bytes(offload());
    return std::min(most, planner_.embedding_bytes(pipeline_, most));
  }

  /// A clip and its copy, the items before it (one that waits, one that is stored), and two parts, one open
  /// and one on its way to disk: of a group's first rank, counted for all.
  std::uint64_t result_bytes() const {
    const std::uint64_t part =
        2 * std::min(results::SealLimits{}.bytes + planner_.largest_clip_, planner_.results_);
    return 4 * planner_.largest_clip_ + part;
  }

  const MemoryPlanner& planner_;
  const PreparedJob& job_;
  const configs::PipelineConfig& pipeline_;
  std::vector<ComponentMemory> held_;
  std::vector<std::uint64_t> converted_;  ///< in the order of held_
  std::vector<bool> shareable_;           ///< in the same
  std::vector<Taken> phases_;
  std::uint64_t blocks_ = 0;  ///< buffers that blocks come to
  std::uint64_t encode_ = 0;  ///< what the largest phase of texts takes
  std::uint64_t clips_ = 0;   ///< and the largest of the others
  std::uint64_t lying_ = 0;   ///< on a device's host, of components that are loaded
  std::uint64_t beside_device_ = 0;
};

MemoryPlanner::MemoryPlanner(const PreparedJob& job) : job_(job) {
  if (job.family == nullptr) return;
  sizes_ = items_by_size(job.manifest.items);
  results_ = disk_bytes(job);
  for (const auto& [request, items] : sizes_)
    largest_clip_ = std::max(largest_clip_, clip_bytes(job, request));
  for (const models::Encoding& task : job.family->encodings(job.manifest.pipeline)) {
    for (const requests::PackedItem& item : job.manifest.items.packed()) {
      texts_.emplace(task.encoder, configs::text_of(item, task.field));
    }
  }
}

MemoryPlan MemoryPlanner::plan(const configs::PipelineConfig& pipeline, const dist::Mesh& mesh,
                               int rank) const {
  if (job_.family == nullptr) return {};
  return PlanMaker{*this, pipeline, mesh, rank}.plan();
}

std::uint64_t MemoryPlanner::embedding_bytes(const configs::PipelineConfig& pipeline,
                                             std::uint64_t enough) const {
  std::uint64_t bytes = 0;
  for (const auto& [encoder, text] : texts_) {
    if (bytes >= enough) break;
    bytes += job_.family->embedding_bytes(job_.hyper_parameters, pipeline, encoder, text);
  }
  return bytes;
}

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

MemoryPlan plan_memory(const PreparedJob& job, const dist::Mesh& mesh, int rank) {
  return MemoryPlanner{job}.plan(job.manifest.pipeline, mesh, rank);
}

std::uint64_t embedding_bytes(const PreparedJob& job) {
  return MemoryPlanner{job}.embedding_bytes(job.manifest.pipeline);
}

nlohmann::json to_json(const MemoryPlan& plan) {
  nlohmann::json components = nlohmann::json::object();
  for (const ComponentMemory& component : plan.components) {
    components[component.name] = {{"dtype", configs::name(component.dtype)}, {"bytes", component.bytes}};
  }
  nlohmann::json stages = nlohmann::json::array();
  for (const StageMemory& stage : plan.stages) {
    stages.push_back({{"name", stage.name},
                      {"components", stage.components},
                      {"weights_bytes", stage.weights},
                      {"activation_bytes", stage.activations},
                      {"other_bytes", stage.others},
                      {"peak_bytes", stage.peak}});
  }
  return {{"components", components},
          {"stages", stages},
          {"peak_bytes", plan.peak()},
          {"beside_device_bytes", plan.beside_device}};
}

std::string to_text(const MemoryPlan& plan) {
  std::string text;
  for (const ComponentMemory& component : plan.components) {
    text += fmt::format("  {:<13}{:>13}  {}\n", component.name, gigabytes(component.bytes),
                        configs::name(component.dtype));
  }
  for (const StageMemory& stage : plan.stages) {
    text += fmt::format("  stage {:<7}{:>13}  at most: weights {}, activations {}, others {}\n", stage.name,
                        gigabytes(stage.peak), gigabytes(stage.weights), gigabytes(stage.activations),
                        gigabytes(stage.others));
  }
  if (plan.beside_device > 0)
    text +=
        fmt::format("  on a device  {:>13}  at most, of the host's memory beside it: what comes and goes\n",
                    gigabytes(plan.beside_device));
  return text;
}

}  // namespace ditmill::jobs::plan
