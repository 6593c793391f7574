#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "jobs/prepare.h"

namespace ditmill::jobs {

/// Bytes of embeddings that a group keeps. UMT5-xxl embeds 512 tokens in 4 MiB of bfloat16: room for a few
/// windows of distinct texts where each has to be encoded; little where all lie on disk.
constexpr std::uint64_t text_cache_bytes(configs::Offload text_encoder) noexcept {
  return std::uint64_t{text_encoder == configs::Offload::none ? 1024U : 64U} << 20;
}

/// What a rank holds of one component.
struct ComponentMemory {
  std::string role;
  configs::Dtype dtype = configs::Dtype::float32;
  std::uint64_t bytes = 0;
};

/// What a rank holds while one thing is done, at most.
struct StageMemory {
  std::string name;                ///< text, clips; or all, where nothing is let go of
  std::vector<std::string> roles;  ///< of the components that are loaded
  std::uint64_t weights = 0;
  std::uint64_t activations = 0;
  std::uint64_t others = 0;  ///< embeddings, results on their way to disk, buffers
  std::uint64_t peak = 0;    ///< of the stage, loading included; less than the sum where these never meet
};

/// What one rank takes at most, beyond what a process with its libraries holds: from headers, from above.
struct MemoryPlan {
  std::vector<ComponentMemory> components;
  std::vector<StageMemory> stages;

  std::uint64_t peak() const noexcept;
  std::uint64_t weights() const noexcept;  ///< held at the same time, at most
};

/// Another way to run the same job.
struct Alternative {
  std::string change;  ///< what to write: "components.text_encoder.offload: stages"
  std::uint64_t peak = 0;
};

/// The plan of a job, as its pipeline says. A rehearsal has no stages. Throws Error(bad_input) naming an item
/// whose size the model cannot have.
MemoryPlan plan_memory(const PreparedJob& job);
/// What takes less than plan_memory(), the mildest change first.
std::vector<Alternative> alternatives(const PreparedJob& job);
/// Bytes of the embeddings of all distinct texts of a job, as a spool holds them: an estimate from above.
std::uint64_t embedding_bytes(const PreparedJob& job);

/// {components: {role: {dtype, bytes}}, stages: [{name, components, weights_bytes, activation_bytes,
/// other_bytes, peak_bytes}], peak_bytes}
nlohmann::json to_json(const MemoryPlan& plan);
/// The plan for people: a line a component and a stage, each indented by two.
std::string to_text(const MemoryPlan& plan);
/// "12.345 GB"
std::string gigabytes(std::uint64_t bytes);

}  // namespace ditmill::jobs
