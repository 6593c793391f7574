#include "registry/tools/view_tree.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>

#include "configs/list_text.h"
#include "configs/number_text.h"

namespace ditmill::registry {
namespace {

using Siblings = std::vector<const TreeNode*>;

std::string_view stem_of(const TreeNode& node) {
  return node.label.substr(0, node.label.size() - trailing_number(node.label).size());
}

/// Siblings of one stem and structure, in the order of the first of each.
std::vector<Siblings> groups_of(std::span<const TreeNode> nodes, bool merge) {
  std::vector<Siblings> groups;
  std::unordered_map<std::uint32_t, std::size_t> by_structure;  // of one stem
  std::string_view stem;
  for (const TreeNode& node : nodes) {
    if (!merge || trailing_number(node.label).empty()) {
      groups.push_back({&node});
      continue;
    }
    if (stem_of(node) != stem) by_structure.clear();
    stem = stem_of(node);
    const auto [group, added] = by_structure.emplace(node.structure, groups.size());
    if (added) groups.emplace_back();
    groups[group->second].push_back(&node);
  }
  return groups;
}

/// "0..3,5": the numbers of siblings in their order.
std::string numbers_text(const Siblings& siblings) {
  std::string text;
  const auto value = [&](std::size_t i) {
    return number_from_text<std::uint64_t>(trailing_number(siblings[i]->label));
  };
  for (std::size_t first = 0, next = 0; first < siblings.size(); first = next) {
    for (next = first + 1; next < siblings.size() && *value(next) == *value(next - 1) + 1;) ++next;
    extend_list(text, trailing_number(siblings[first]->label), ",");
    if (next - first > 1) text += std::string{".."}.append(trailing_number(siblings[next - 1]->label));
  }
  return text;
}

std::vector<ShownNode> shown_below(const TreeNode& parent, const std::string& prefix,
                                   const TreeLimits& limits, std::size_t depth) {
  std::vector<ShownNode> lines;
  for (const Siblings& group : groups_of(parent.children, limits.merge)) {
    const TreeNode& one = *group.front();
    ShownNode line{.path = prefix, .siblings = group.size(), .one = &one, .children = {}};
    line.path += group.size() == 1 ? std::string{one.label} : std::string{stem_of(one)} + numbers_text(group);
    line.cut = one.tensor == nullptr && depth >= limits.depth;
    if (!line.cut) line.children = shown_below(one, line.path + ".", limits, depth + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::vector<ShownNode> shown_tree(const TreeNode& root, const TreeLimits& limits) {
  return shown_below(root, "", limits, 1);
}

}  // namespace ditmill::registry
