#include "registry/identity/prefix.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

namespace ditmill::registry {
namespace {

// Of one layout's mark: a model is in few wrappers, and a hostile file names many.
constexpr std::size_t most_tried = 8;
constexpr std::size_t longest_prefix = 120;

/// What stands before a name at the ends of other names, shortest first.
std::vector<std::string_view> prefixes_of(const ShapeTable& shapes, std::string_view name) {
  std::set<std::pair<std::size_t, std::string_view>> found;
  for (const NamedShape& tensor : shapes.tensors()) {
    if (tensor.name.size() <= name.size() + 1 || !tensor.name.ends_with(name)) continue;
    const std::string_view prefix = tensor.name.substr(0, tensor.name.size() - name.size());
    if (prefix.ends_with('.') && prefix.size() <= longest_prefix) found.emplace(prefix.size(), prefix);
  }
  std::vector<std::string_view> prefixes;
  for (const auto& [size, prefix] : found) {
    if (prefixes.size() < most_tried) prefixes.push_back(prefix);
  }
  return prefixes;
}

}  // namespace

std::string find_prefix(const ShapeTable& shapes, const Catalog& catalog) {
  for (const Layout& layout : catalog.layouts()) {
    const auto mark =
        std::ranges::find_if(layout.marks, [](const LayoutTensor& one) { return one.index.empty(); });
    if (mark == layout.marks.end()) continue;
    for (const std::string_view prefix : prefixes_of(shapes, mark->before)) {
      if (matches(layout, ShapeTable{behind(shapes, prefix)})) return std::string{prefix};
    }
  }
  return {};
}

std::vector<NamedShape> behind(const ShapeTable& shapes, std::string_view prefix) {
  std::vector<NamedShape> bare;
  for (const NamedShape& tensor : shapes.tensors()) {
    if (!tensor.name.starts_with(prefix) || tensor.name.size() == prefix.size()) continue;
    bare.push_back(tensor);
    bare.back().name.remove_prefix(prefix.size());
  }
  return bare;
}

}  // namespace ditmill::registry
