#include "jobs/plan/memory/turns_choice.h"

#include <fmt/format.h>

#include <utility>

#include "configs/size_text.h"

namespace ditmill::jobs::plan {

std::optional<std::string> choose_turns(PreparedJob& job, const Room& room) {
  std::optional<configs::PipelineConfig> turns = by_turns(job);
  if (!turns || !room.bytes) return std::nullopt;
  const std::uint64_t together = peak_of(MemoryPlanner{job}, job.manifest.pipeline, room);
  if (together <= *room.bytes) {
    return fmt::format("all transformers stay: {} a rank, within {}", gigabytes(together),
                       gigabytes(*room.bytes));
  }
  const std::uint64_t in_turn = peak_of(MemoryPlanner{job}, *turns, room);
  if (in_turn >= together) return std::nullopt;
  job.manifest.pipeline = *std::move(turns);
  for (dist::ComponentPlan& component : job.components) choose(job.manifest.pipeline, component);
  return fmt::format(
      "transformers take turns, each for the steps of up to {} items: {} a rank, where all of them take {} "
      "of {} ({})",
      job.family->clips_together(job.manifest.pipeline), gigabytes(in_turn), gigabytes(together),
      gigabytes(*room.bytes), room.source);
}

}  // namespace ditmill::jobs::plan
