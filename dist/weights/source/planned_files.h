#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "configs/error.h"
#include "dist/plan/plan.h"
#include "dist/weights/source/schedule.h"
#include "registry/byte_source.h"

namespace ditmill::dist {

/// Opens a file of the plan; tests give sources that lie.
using OpenSource = std::function<std::unique_ptr<registry::ByteSource>(const std::string& path)>;
using Sources = std::vector<std::unique_ptr<registry::ByteSource>>;

/// Throws Error(bad_input) if a file is not the one whose header was planned. Its stamp is looked at where
/// the plan has one.
void expect_as_planned(const registry::WeightFile& file, const registry::ByteSource& source);
/// The files of a plan, each as it was planned.
Sources open_files(const ComponentPlan& plan, const OpenSource& open);

/// What was being done when bytes turned out not to be those that were read elsewhere: another try may give
/// the right ones.
inline constexpr const char* verifying_weights = "verify weights";

/// Where a chunk is: file, offset, the tensors that have bytes of it.
Where place_of(const ComponentPlan& plan, const Chunk& chunk, int rank);
/// What went wrong as a chunk was read: a source knows file and offset, the tensor there is added.
Error with_place(const Error& error, const ComponentPlan& plan, const Chunk& chunk, int rank);

}  // namespace ditmill::dist
