#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/mesh.h"
#include "jobs/plan/bind/prepared_job.h"

namespace ditmill::jobs::plan {

/// Bytes of embeddings that a group keeps. UMT5-xxl embeds 512 tokens in 4 MiB of bfloat16: room for a few
/// windows of distinct texts where each has to be encoded; little where all lie on disk.
constexpr std::uint64_t text_cache_bytes(const configs::Offload& text_encoder) noexcept {
  return std::uint64_t{text_encoder.any() ? 64U : 1024U} << 20;
}

/// What a rank holds of one component.
struct ComponentMemory {
  std::string name;
  configs::Dtype dtype = configs::Dtype::float32;
  std::uint64_t bytes = 0;
};

/// What a rank holds while one thing is done, at most.
struct StageMemory {
  std::string name;                     ///< text, clips; or all, where nothing is let go of
  std::vector<std::string> components;  ///< that are loaded, by name
  std::uint64_t weights = 0;
  std::uint64_t shared = 0;  ///< of these, what ranks of a machine that hold the same may share
  std::uint64_t activations = 0;
  std::uint64_t others = 0;  ///< embeddings, results on their way to disk, buffers
  std::uint64_t peak = 0;    ///< of the stage, loading included; less than the sum where these never meet
};

/// What one rank takes at most, beyond what a process with its libraries holds: from headers, from above.
struct MemoryPlan {
  std::vector<ComponentMemory> components;
  std::vector<StageMemory> stages;
  /// Of the host's memory, where the rank computes on a device: what of components comes and goes lies there,
  /// beside all of the one that is being loaded. 0 where all stays on the device.
  std::uint64_t beside_device = 0;

  std::uint64_t peak() const noexcept;
  std::uint64_t weights() const noexcept;  ///< held at the same time, at most
};

/// What plans of one job have in common: its list is looked at once. The job outlives it.
class MemoryPlanner {
 public:
  /// Throws Error(bad_input) naming an item whose size the model cannot have.
  explicit MemoryPlanner(const PreparedJob& job);

  /// What a rank of a mesh takes if the job ran as `pipeline` says, whose degrees are the mesh's. A rehearsal
  /// has no stages. Throws as the constructor does.
  MemoryPlan plan(const configs::PipelineConfig& pipeline, const dist::Mesh& mesh, int rank) const;
  /// Bytes of the embeddings of all distinct texts, as a spool holds them: an estimate from above. Looks no
  /// further once it has come to `enough`.
  std::uint64_t embedding_bytes(const configs::PipelineConfig& pipeline,
                                std::uint64_t enough = std::numeric_limits<std::uint64_t>::max()) const;

  const PreparedJob& job() const noexcept { return job_; }

 private:
  const PreparedJob& job_;
  std::vector<ItemsOfSize> sizes_;
  std::set<std::pair<std::string, std::string_view>> texts_;  ///< distinct ones, each with its encoder
  std::uint64_t results_ = 0;
  std::uint64_t largest_clip_ = 0;

  friend class PlanMaker;
};

/// The plan of a rank, as the job's pipeline says. Throws as MemoryPlanner does.
MemoryPlan plan_memory(const PreparedJob& job, const dist::Mesh& mesh, int rank);
/// Bytes of the embeddings of all distinct texts of a job, as a spool holds them: an estimate from above.
std::uint64_t embedding_bytes(const PreparedJob& job);

/// {components: {name: {dtype, bytes}}, stages: [{name, components, weights_bytes, activation_bytes,
/// other_bytes, peak_bytes}], peak_bytes}
nlohmann::json to_json(const MemoryPlan& plan);
/// The plan for people: a line a component and a stage, each indented by two.
std::string to_text(const MemoryPlan& plan);

}  // namespace ditmill::jobs::plan
