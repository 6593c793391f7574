#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "dist/mesh.h"
#include "dist/plan/plan.h"
#include "dist/weights/stream.h"

namespace ditmill::dist::assembler_test {

/// A component whose files are in memory.
struct Layout {
  ComponentPlan plan;
  std::vector<std::vector<std::byte>> files;
};

/// One file a type, each with a header of an odd length, so that tensors are not aligned; with bytes of every
/// kind: numbers of all sizes, subnormal ones, infinities, NaN.
Layout every_type(configs::Dtype dtype);
/// A file of 600 elements from byte 13 on, as a checkpoint of torch may hold them: views that overlap, with
/// strides, expanded, transposed.
Layout views(registry::ElementType type, configs::Dtype dtype);

at::ScalarType in_file(registry::ElementType type);
/// A tensor of a file, read at once.
at::Tensor read_whole(const Layout& layout, std::size_t f, const registry::TensorInfo& info);
/// What a rank gets of the files in chunks of `step`.
TensorMap assemble(const ComponentPlan& plan, const std::vector<std::vector<std::byte>>& files,
                   std::size_t step, const Mesh& mesh = Mesh(1, {}), int rank = 0);

bool same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace ditmill::dist::assembler_test
