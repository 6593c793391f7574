#include "registry/tools/tensor_tree.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <unordered_map>

#include "configs/number_text.h"

namespace ditmill::registry {
namespace {

constexpr unsigned deepest_label = 128;
constexpr std::size_t longest_number = 18;

using Tensors = std::span<const TensorInfo* const>;

/// Names in an order in which those below one part of a name are neighbours: as if dots came before all else.
bool comes_before(const TensorInfo* a, const TensorInfo* b) {
  const auto rank = [](char c) { return c == '.' ? 0 : static_cast<unsigned char>(c); };
  const auto [x, y] = std::ranges::mismatch(a->name, b->name);
  if (x == a->name.end() || y == b->name.end()) return y != b->name.end();
  return rank(*x) < rank(*y);
}

/// Gives equal structures equal numbers.
class Structures {
 public:
  std::uint32_t of(const TreeNode& node) {
    std::string text;
    const auto add = [&text](std::uint64_t number) {
      text.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    if (node.tensor != nullptr) {
      text = "tensor";
      add(static_cast<std::uint64_t>(node.tensor->type));
      for (const std::uint64_t size : node.tensor->shape) add(size);
    }
    for (const TreeNode& child : node.children) {
      add(child.label.size());
      text += child.label;
      add(child.structure);
    }
    return numbers_.emplace(std::move(text), static_cast<std::uint32_t>(numbers_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// By what stands before the number at the end, then by that number.
void order_siblings(std::vector<TreeNode>& siblings) {
  std::ranges::sort(siblings, [](const TreeNode& a, const TreeNode& b) {
    const std::string_view a_digits = trailing_number(a.label);
    const std::string_view b_digits = trailing_number(b.label);
    const std::string_view a_stem = a.label.substr(0, a.label.size() - a_digits.size());
    const std::string_view b_stem = b.label.substr(0, b.label.size() - b_digits.size());
    if (const int order = a_stem.compare(b_stem); order != 0) return order < 0;
    const auto a_number = number_from_text<std::uint64_t>(a_digits);
    const auto b_number = number_from_text<std::uint64_t>(b_digits);
    return a_number != b_number ? a_number < b_number : a.label < b.label;
  });
}

class TreeBuilder {
 public:
  /// The nodes of tensors whose names are one up to `begin`.
  std::vector<TreeNode> nodes(Tensors tensors, std::size_t begin, unsigned depth) {
    std::vector<TreeNode> siblings;
    while (!tensors.empty()) {
      const std::string_view name = tensors.front()->name;
      const std::size_t end =
          depth < deepest_label ? std::min(name.find('.', begin), name.size()) : name.size();
      const auto rest = std::ranges::find_if_not(tensors, [&](const TensorInfo* other) {
        const std::string_view path{other->name};
        return path.substr(begin, end - begin) == name.substr(begin, end - begin) &&
               (path.size() == end || (depth < deepest_label && path[end] == '.'));
      });
      const auto count = static_cast<std::size_t>(rest - tensors.begin());
      const bool leaf = name.size() == end;
      if (leaf) siblings.push_back(leaf_of(*tensors.front(), begin));
      if (const Tensors below = tensors.subspan(leaf ? 1 : 0, count - (leaf ? 1 : 0)); !below.empty()) {
        std::vector<TreeNode> children = nodes(below, end + 1, depth + 1);
        if (leaf) {  // which cannot have them: they become its siblings
          for (TreeNode& child : children) child.label = child.path.substr(begin);
          std::ranges::move(children, std::back_inserter(siblings));
        } else {
          siblings.push_back(
              inner_of(name.substr(begin, end - begin), name.substr(0, end), std::move(children)));
        }
      }
      tensors = tensors.subspan(count);
    }
    order_siblings(siblings);
    return siblings;
  }

  TreeNode inner_of(std::string_view label, std::string_view path, std::vector<TreeNode> children) {
    TreeNode node{.label = label, .path = path, .children = std::move(children)};
    for (const TreeNode& child : node.children) {
      node.tensors += child.tensors;
      node.parameters += child.parameters;
    }
    node.structure = structures_.of(node);
    return node;
  }

 private:
  TreeNode leaf_of(const TensorInfo& tensor, std::size_t begin) {
    TreeNode node{.label = std::string_view{tensor.name}.substr(begin),
                  .path = tensor.name,
                  .tensor = &tensor,
                  .children = {},
                  .tensors = 1,
                  .parameters = tensor.elements()};
    node.structure = structures_.of(node);
    return node;
  }

  Structures structures_;
};

}  // namespace

TreeNode tensor_tree(const Component& component) {
  std::vector<const TensorInfo*> tensors;
  for (const WeightFile& file : component.files) {
    for (const TensorInfo& tensor : file.tensors) tensors.push_back(&tensor);
  }
  std::ranges::sort(tensors, comes_before);
  TreeBuilder builder;
  return builder.inner_of({}, {}, builder.nodes(tensors, 0, 0));
}

std::string_view trailing_number(std::string_view label) noexcept {
  const auto last = std::find_if_not(label.rbegin(), label.rend(), is_digit);
  const auto digits = static_cast<std::size_t>(last - label.rbegin());
  return digits > longest_number ? std::string_view{} : label.substr(label.size() - digits);
}

}  // namespace ditmill::registry
