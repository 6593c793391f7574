#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/component.h"
#include "registry/identity/catalog.h"
#include "registry/tools/side_file.h"

namespace ditmill::registry {

/// A tensor of a file; both outlive it.
struct FileTensor {
  const WeightFile* file = nullptr;
  const TensorInfo* tensor = nullptr;
};

/// A tensor that a conversion writes, and where its bytes are: in one tensor, in one of `parts` equal parts
/// of it along its first dimension, or in that one and others behind it.
struct PlannedTensor {
  std::string name;
  const WeightFile* file = nullptr;
  const TensorInfo* tensor = nullptr;
  std::vector<std::uint64_t> shape = {};
  std::size_t part = 0;
  std::size_t parts = 1;
  std::vector<FileTensor> more = {};
};

/// What becomes of a component's tensors in another layout.
struct ConversionPlan {
  std::vector<PlannedTensor> tensors;  ///< in the order of the files
  std::vector<PlannedTensor> aside;    ///< without a counterpart, by their own names
  std::string aside_layout;            ///< whose names those are
  KeptNames names;                     ///< of the side file
};

/// The layout that a component was recognised in, and the one of that name of the same architecture, or of
/// another one whose layers have the same tensors. Throws Error: unknown_model for weights that no layout
/// with an architecture is known of, unsupported where there is no such layout.
const Layout& layout_from(const Component& component, const Catalog& catalog);
const Layout& layout_to(const Component& component, const Layout& from, std::string_view to,
                        const Catalog& catalog);

/// Plans it: a tensor gets the name that the other layout has for what the layers call it; a prefix is taken
/// off. What the other layout does not have goes aside, but for scales and the like, which follow the weight
/// that they belong to. Of several tensors with one counterpart and equal bytes, one is kept. What `side`
/// (null: none) has of that layout comes back. Reads data only to compare such tensors. Throws Error:
/// unsupported where names alone do not say how the one layout becomes the other, bad_input for two tensors
/// of one name, io.
ConversionPlan plan_conversion(const Component& component, const Layout& from, const Layout& to,
                               const SideFile* side);

}  // namespace ditmill::registry
