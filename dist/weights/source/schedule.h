#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dist/plan/plan.h"

namespace ditmill::dist {

/// A piece of a file that is read, digested and broadcast as one.
struct Chunk {
  std::size_t file = 0;  ///< its place in the plan
  std::uint64_t offset = 0;
  std::size_t length = 0;
};

/// The chunks of a plan in the order in which they travel: the same on every rank. File by file, cut at
/// multiples of registry::leaf_bytes.
std::vector<Chunk> schedule(const ComponentPlan& plan);

/// Throws Error unless the plan can be streamed: unsupported for an element type of a tensor in use that
/// has no conversion to float32 or bfloat16, bad_input for a name that two files hold, internal for ranges
/// that are not in order, leave their file or do not fit shape and strides.
void check_plan(const ComponentPlan& plan);

/// The tensors that have bytes in [begin, end) of a file, for messages: up to three names, else the first,
/// the last and their number; empty if there are none.
std::string tensors_in(const registry::WeightFile& file, std::uint64_t begin, std::uint64_t end);

}  // namespace ditmill::dist
