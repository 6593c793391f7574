#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "jobs/run/clips/export.h"
#include "jobs/run/clips/stored_clips.h"

namespace ditmill::jobs::run {

/// Writes these items as samples, in their order: KEY.json, KEY.txt (the prompt), KEY.mp4 or KEY.npy, and
/// KEY.latents.npy if latents are stored, and so of any other array. KEY is the id, its dots as %2E. JSON:
/// {id, key, prompt, negative_prompt, seed, width, height, frames, fps, weights_digest, metadata};
/// metadata.jsonl has the same with shard, offset and bytes. Returns the number of shards. Throws Error as
/// results_export().
std::size_t export_webdataset(const ExportOptions& options,
                              const std::vector<const results::ListedItem*>& items, StoredClips& clips);

}  // namespace ditmill::jobs::run
