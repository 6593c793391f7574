#include "registry/tools/view.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/tools/count_text.h"
#include "registry/tools/summary.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t longest_path = 400;
constexpr std::size_t most_files = 20;
constexpr std::size_t bar_cells = 20;

/// `########............  40.1 %`
std::string bar(std::uint64_t part, std::uint64_t all) {
  const double share = all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
  const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(bar_cells)));
  return fmt::format("{}{} {:5.1f} %", std::string(full, '#'), std::string(bar_cells - full, '.'),
                     100 * share);
}

std::string tensors_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " tensor" : " tensors");
}

class TreeText {
 public:
  TreeText(std::uint64_t parameters, bool bars) : parameters_(parameters), bars_(bars) {}

  /// `copies`: how often the lines' parent stands for others like it.
  void add(const std::vector<ShownNode>& lines, std::uint64_t copies) {
    for (const ShownNode& line : lines) {
      add_line(line, copies * line.siblings);
      add(line.children, copies * line.siblings);
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void add_line(const ShownNode& line, std::uint64_t copies) {
    const TreeNode& node = *line.one;
    const std::string name =
        printable(line.path, longest_path) + (line.siblings > 1 ? " x" + std::to_string(line.siblings) : "");
    const bool leaf = node.tensor != nullptr;
    text_ += fmt::format("{:<60} | {:<22} | {:<8} | {:>8}{}", name,
                         leaf ? shape_text(node.tensor->shape) : tensors_text(node.tensors),
                         leaf ? registry::name(node.tensor->type) : "", short_count(node.parameters),
                         copies > 1 ? " x" + std::to_string(copies) : "");
    if (bars_ && !leaf) text_ += "  " + bar(copies * node.parameters, parameters_);
    text_ += '\n';
    if (line.cut) {
      text_ += fmt::format("{}.*: {} with {} parameters below (--max-depth N or --show-all shows them)\n",
                           printable(line.path, longest_path), tensors_text(node.tensors),
                           short_count(node.parameters));
    }
  }

  std::uint64_t parameters_;
  bool bars_;
  std::string text_;
};

nlohmann::json tree_json(const std::vector<ShownNode>& lines) {
  nlohmann::json list = nlohmann::json::array();
  for (const ShownNode& line : lines) {
    const TreeNode& node = *line.one;
    nlohmann::json object{{"path", line.path},
                          {"siblings", line.siblings},
                          {"tensors", node.tensors},
                          {"parameters", node.parameters}};
    if (node.tensor != nullptr) {
      object["dtype"] = name(node.tensor->type);
      object["shape"] = node.tensor->shape;
    } else if (line.cut) {
      object["cut"] = true;
    } else {
      object["children"] = tree_json(line.children);
    }
    list.push_back(std::move(object));
  }
  return list;
}

void add_files(std::string& text, const std::vector<WeightFile>& files) {
  text += fmt::format("files: {}\n", files.size());
  for (std::size_t i = 0; i < files.size() && i < most_files; ++i) {
    text += "  " + printable(files[i].path, longest_path) + "\n";
  }
  if (files.size() > most_files) text += fmt::format("  ... and {} more\n", files.size() - most_files);
}

}  // namespace

std::string view_text(const NamedComponent& weights, const ViewOptions& options) {
  const Component& component = weights.component;
  const WeightSummary summary = summarize(component);
  std::string text = printable(component.label, longest_path) + "\n";
  if (!weights.name.empty()) text = printable(weights.name) + ": " + text;
  text += fmt::format("parameters: {} ({})\nkey hash: {}\nkey hash of names: {}\n",
                      short_count(summary.parameters), grouped_count(summary.parameters),
                      component.identity.key_hash, component.identity.key_hash_names);
  if (!component.identity.key_hash_flat.empty()) {
    text += "key hash as one dictionary: " + component.identity.key_hash_flat + "\n";
  }
  add_files(text, component.files);
  if (options.quiet) return text;
  text += fmt::format("tensors: {}\ndtypes:\n", grouped_count(summary.tensors));
  for (const auto& [type, elements] : summary.elements) {
    const double percent = summary.parameters == 0 ? 0
                                                   : 100 * static_cast<double>(elements) /
                                                         static_cast<double>(summary.parameters);
    text += fmt::format("  {}: {} ({:.2f}%)\n", type, short_count(elements), percent);
  }
  const TreeNode root = tensor_tree(component);
  TreeText tree{summary.parameters, options.bars};
  tree.add(shown_tree(root, options.tree), 1);
  return text + "structure" +
         (options.tree.merge ? " (siblings of one structure are one line: --no-merge shows each):\n"
                             : ":\n") +
         tree.take();
}

nlohmann::json view_json(const NamedComponent& weights, const ViewOptions& options) {
  const Component& component = weights.component;
  const WeightSummary summary = summarize(component);
  nlohmann::json files = nlohmann::json::array();
  for (const WeightFile& file : component.files) files.push_back(file.path);
  nlohmann::json object{{"path", component.label},
                        {"component", weights.name},
                        {"key_hash", component.identity.key_hash},
                        {"key_hash_names", component.identity.key_hash_names},
                        {"parameters", summary.parameters},
                        {"files", std::move(files)}};
  if (!component.identity.key_hash_flat.empty()) object["key_hash_flat"] = component.identity.key_hash_flat;
  if (options.quiet) return object;
  object["tensors"] = summary.tensors;
  object["dtypes"] = summary.elements;
  const TreeNode root = tensor_tree(component);
  object["tree"] = tree_json(shown_tree(root, options.tree));
  return object;
}

}  // namespace ditmill::registry
