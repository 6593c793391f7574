#pragma once

#include <cstddef>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/list_builder.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::requests {

enum class ListFormat { text, json_lines, csv };

/// Problems of one list beyond which reading it stops.
inline constexpr std::size_t max_list_problems = 1000;

/// Reads a list: `.txt`, a prompt a line; `.jsonl`, an object a line with prompt and optional id,
/// negative_prompt, seed, width, height, frames, fps, samples, resolution, aspect_ratio, its other fields
/// kept as metadata; `.csv` (RFC 4180), a header and a record each with such fields. A line {id, key,
/// request, metadata} of an earlier run's requests.jsonl is taken as it stands. UTF-8 with or without a byte
/// order mark, LF or CRLF, blank lines skipped. An item without an id gets its prompt's position, from 0,
/// with at least six digits; ids are unique. What is wrong is added to `problems` with the line where its
/// record begins and its column (counted in characters); faulty items are left out, but count as positions.
/// Throws Error(io).
PromptList read_prompt_list(const registry::ByteSource& source, ListFormat format,
                            const ItemDefaults& defaults, std::vector<Problem>& problems);

}  // namespace ditmill::jobs::requests
