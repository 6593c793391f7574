#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "registry/component.h"

namespace ditmill::registry {

/// What lies below a part of the tensors' names: `blocks`, `blocks.0`, ... A node is a tensor or has
/// children.
struct TreeNode {
  std::string_view label;              ///< its part of the names; the labels on its way, joined with dots,
  std::string_view path;               ///< are its path
  const TensorInfo* tensor = nullptr;  ///< of a leaf
  std::vector<TreeNode> children;      ///< by label, numbers at its end by their value
  std::uint64_t tensors = 0;           ///< of it and of all below
  std::uint64_t parameters = 0;
  /// Equal for nodes of one tree whose children have the same labels and structures, down to the dtypes and
  /// shapes of tensors.
  std::uint32_t structure = 0;
};

/// The tree of a component's tensors, which must outlive it. Every tensor is in it once: where a name begins
/// another (`a` and `a.b`), `a` is a leaf and `a.b` a label beside it. Names are taken apart at their first
/// 128 dots; the rest is one label.
TreeNode tensor_tree(const Component& component);

/// The digits at the end of a label, without which siblings are of one kind: `0` of `0`, `12` of `layer12`.
/// Empty if there are none, or more than 18.
std::string_view trailing_number(std::string_view label) noexcept;

}  // namespace ditmill::registry
