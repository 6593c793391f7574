#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "registry/tools/tensor_tree.h"

namespace ditmill::registry {

/// How much of a tree is shown.
struct TreeLimits {
  std::size_t depth = std::numeric_limits<std::size_t>::max();  ///< levels of labels
  bool merge = true;  ///< siblings of one structure, whose labels differ in the number at their end, are one
};

/// A line of the shown tree: a node, or several siblings of one structure.
struct ShownNode {
  std::string path;               ///< "blocks.0..31", of siblings 0 to 31; "blocks.0,2..5"
  std::uint64_t siblings = 1;     ///< that it stands for
  const TreeNode* one = nullptr;  ///< the first of them
  std::vector<ShownNode> children;
  bool cut = false;  ///< there are children, below the depth that is shown
};

/// What is shown below the root; refers to its nodes. Every tensor is in one line (or below one that is cut):
/// siblings of other structures are lines of their own, each with its numbers.
std::vector<ShownNode> shown_tree(const TreeNode& root, const TreeLimits& limits);

}  // namespace ditmill::registry
