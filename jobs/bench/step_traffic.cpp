#include "jobs/bench/step_traffic.h"

#include <c10/util/accumulate.h>

namespace ditmill::jobs::bench {
namespace {

using dist::Axis;
using dist::Purpose;

/// Elements of the streams between stages.
std::int64_t stream_elements(const models::ClipPasses& passes) {
  std::int64_t elements = 0;
  for (const std::vector<std::int64_t>& shape : passes.shapes()) elements += c10::multiply_integers(shape);
  return elements;
}

}  // namespace

std::map<Purpose, std::uint64_t> bytes_a_step(const StepWork& work, const dist::ParallelContext& place,
                                              const models::ClipPasses& passes, std::uint64_t block_bytes) {
  const std::int64_t count = std::int64_t{work.clips} * work.passes(place.degree(Axis::cfg));
  const int stages = place.degree(Axis::pp);
  const bool is_last = place.index(Axis::pp) == stages - 1;
  const std::int64_t latent = c10::multiply_integers(work.latent);

  std::map<Purpose, std::uint64_t> bytes;
  const auto add = [&bytes](Purpose why, std::int64_t value) {
    if (value > 0) bytes[why] += static_cast<std::uint64_t>(value);
  };
  for (const auto& [why, given] : passes.bytes_given()) add(why, count * static_cast<std::int64_t>(given));
  if (work.shards_blocks) {
    // This rank's shard of every block to the n - 1 others, in every pass: block bytes (n - 1)/n.
    const int shards = place.size(dist::Team::parameters);
    add(Purpose::parameters, count * static_cast<std::int64_t>(block_bytes) / shards * (shards - 1));
  }
  // A pass: the streams to the next stage. A clip's step: the new latents in float32 from the last stage to
  // the first, and the prediction to the other half of cfg.
  if (!is_last) add(Purpose::stages, count * stream_elements(passes) * work.element);
  if (is_last && stages > 1) add(Purpose::stages, work.clips * latent * std::int64_t{sizeof(float)});
  if (is_last && place.degree(Axis::cfg) > 1) add(Purpose::guidance, work.clips * latent * work.element);
  return bytes;
}

}  // namespace ditmill::jobs::bench
