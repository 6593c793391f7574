#include "jobs/plan/memory/turns_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "configs/size_text.h"

namespace ditmill::jobs::plan {

std::optional<std::string> choose_turns(PreparedJob& job, const Room& room) {
  if (job.family == nullptr || !room.bytes || job.manifest.pipeline.parallel.fsdp) return std::nullopt;
  configs::PipelineConfig by_turns = job.manifest.pipeline;
  int transformers = 0;
  for (const models::Phase& phase : job.family->phases(job.hyper_parameters)) {
    if (phase.kind != models::Phase::Kind::denoise) continue;
    for (const std::string& name : phase.components) {
      configs::Offload& offload = by_turns.components.at(name).offload;
      if (offload.any()) return std::nullopt;
      offload = {.type = configs::OffloadType::stages};
      ++transformers;
    }
  }
  if (transformers < 2) return std::nullopt;
  const std::uint64_t together = peak_of(MemoryPlanner{job}, job.manifest.pipeline, room);
  if (together <= *room.bytes) {
    return fmt::format("all {} transformers stay: {} a rank, within {}", transformers, gigabytes(together),
                       gigabytes(*room.bytes));
  }
  const std::uint64_t in_turn = peak_of(MemoryPlanner{job}, by_turns, room);
  if (in_turn >= together) return std::nullopt;
  job.manifest.pipeline = std::move(by_turns);
  for (dist::ComponentPlan& component : job.components) choose(job.manifest.pipeline, component);
  return fmt::format(
      "{} transformers take turns, each for the steps of a window of items: {} a rank, where all of them "
      "take {} of {} ({})",
      transformers, gigabytes(in_turn), gigabytes(together), gigabytes(*room.bytes), room.source);
}

}  // namespace ditmill::jobs::plan
