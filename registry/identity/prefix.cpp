#include "registry/identity/prefix.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <set>
#include <utility>

#include "configs/list_text.h"
#include "registry/formats/shard_index.h"

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

/// Text as a literal of Python, between single quotes of a shell's double-quoted word.
std::string literal(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += "\\";
    if (c == '"' || c == '$' || c == '`') result += "\\";
    if (c == '\\') result += "\\\\";
    result += c;
  }
  return result + "'";
}

std::string safetensors_command(const Component& component, const std::string& prefix) {
  std::string files;
  for (const WeightFile& file : component.files) extend_list(files, literal(file.path));
  return "python -c \"\nimport os\nfrom safetensors.torch import load_file, save_file\nfor f in [" + files +
         "]:\n    t = {n.removeprefix(" + literal(prefix) +
         "): x for n, x in load_file(f).items() if n.startswith(" + literal(prefix) +
         ")}\n    save_file(t, f + '.new')\n    os.replace(f + '.new', f)\n\"";
}

/// Dictionaries of torch are taken out step by step; what is left of the prefix stands in the names.
std::string torch_command(const std::string& path, const std::string& prefix) {
  return "python -c \"\nimport torch\nf, p = " + literal(path) + ", " + literal(prefix) +
         "\nt = torch.load(f, map_location='cpu', weights_only=True)\nwhile p.split('.')[0] in t:\n    t, p "
         "= "
         "t[p.split('.')[0]], p.partition('.')[2]\ntorch.save({n[len(p):]: x for n, x in t.items() if "
         "n.startswith(p)}, f)\n\"";
}

std::string index_of(const Component& component) {
  if (component.files.size() < 2) return {};
  const std::filesystem::path first{component.files.front().path};
  const std::optional<ShardName> shard = parse_shard_name(first.filename().native());
  if (!shard) return {};
  const std::filesystem::path index = first.parent_path() / (shard->stem + ".safetensors.index.json");
  std::error_code error;
  return std::filesystem::exists(index, error) ? index.native() : std::string{};
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

Error prefix_error(const Component& component) {
  const std::string& prefix = component.identity.prefix;
  const std::string& path = component.files.front().path;
  const bool safetensors = path.ends_with(".safetensors");
  std::string hint = "to take it off, keep a copy and run\n" +
                     (safetensors ? safetensors_command(component, prefix) : torch_command(path, prefix));
  if (const std::string index = index_of(component); !index.empty()) {
    hint += "\nand remove " + index + ", which has the names of before: shards need no index";
  }
  return Error{Category::unsupported,
               "recognise the weights",
               Where{.file = component.label, .tensor = component.files.front().tensors.front().name},
               Expected{"the names of a " + component.identity.family + " " + component.identity.role +
                        " in the " + component.identity.layout + " layout as they are"},
               Got{"the prefix '" + printable(prefix) + "' (or dictionaries of these names) before them"},
               std::move(hint)};
}

}  // namespace ditmill::registry
