#include "models/binding/architecture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::models {
namespace {

dist::Stages stages_of(registry::Stage stage) {
  switch (stage) {
    case registry::Stage::all:
      return dist::Stages::all;
    case registry::Stage::first:
      return dist::Stages::first;
    case registry::Stage::last:
      return dist::Stages::last;
    case registry::Stage::block:
      return dist::Stages::of_layer;
  }
  return dist::Stages::all;
}

Error lacks(const registry::Layout& architecture, std::string what) {
  return Error{
      Category::internal, "ask the architecture " + architecture.architecture, {}, Expected{std::move(what)}};
}

std::string shape_text(const std::vector<registry::LayoutSize>& shape) {
  std::string text;
  for (const registry::LayoutSize& size : shape) extend_list(text, size.text());
  return "[" + text + "]";
}

bool tells(const registry::LayoutTensor& tensor, std::string_view hyper_parameter) {
  return tensor.index == hyper_parameter ||
         std::ranges::any_of(tensor.shape, [hyper_parameter](const registry::LayoutSize& size) {
           return std::ranges::find(size.symbols, hyper_parameter) != size.symbols.end();
         });
}

[[noreturn]] void refuse_untold(const ComponentReader& reader, const registry::Layout& architecture,
                                std::string_view hyper_parameter) {
  constexpr int most_named = 3;
  std::vector<const registry::LayoutTensor*> stated;
  for (const registry::LayoutTensor& tensor : architecture.tensors) {
    if (stated.size() < most_named && tells(tensor, hyper_parameter)) stated.push_back(&tensor);
  }
  if (stated.empty()) throw lacks(architecture, std::string{hyper_parameter});
  std::string expected;
  std::string got;
  for (const registry::LayoutTensor* tensor : stated) {
    const std::string name = tensor->name(0);
    extend_list(expected, name + " " + shape_text(tensor->shape), " or ");
    if (const auto found = reader.shapes().find(name); found != reader.shapes().end())
      extend_list(got, fmt::format("{} [{}]", name, fmt::join(found->second, ", ")));
  }
  reader.refuse(
      stated.front()->name(0),
      fmt::format("a size from 1 that tells {}, as {} has: {}", hyper_parameter, reader.kind(), expected),
      got.empty() ? "none" : got);
}

/// Refuses blocks that are missing below others.
void refuse_gaps(const ComponentReader& reader, const std::string& prefix, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::string block = prefix + std::to_string(number);
    const auto first = reader.shapes().lower_bound(block + ".");
    if (first != reader.shapes().end() && first->first.starts_with(block + ".")) continue;
    reader.refuse(block, "blocks numbered from 0 without a gap",
                  fmt::format("no block {}, but a block {}", number, count - 1),
                  "a shard may be missing: fetch the component again");
  }
}

}  // namespace

Shapes shapes_of(const registry::Layout& architecture, const Sizes& sizes) {
  const auto expected = registry::expand(architecture, nlohmann::json(sizes));
  if (!expected) throw lacks(architecture, "all its hyper-parameters");
  Shapes shapes;
  for (const registry::ExpectedTensor& tensor : *expected) {
    if (!tensor.optional) shapes.emplace(tensor.name, tensor.shape);
  }
  return shapes;
}

void solve_sizes(const ComponentReader& reader, const registry::Layout& architecture, Sizes& sizes) {
  std::vector<registry::NamedShape> tensors;
  for (const auto& [name, shape] : reader.shapes()) tensors.push_back({name, shape});
  const nlohmann::json told = registry::solve(architecture, registry::ShapeTable{std::move(tensors)});
  std::set<std::string_view> checked;
  for (const registry::LayoutTensor& tensor : architecture.tensors) {
    const auto count = told.find(tensor.index);
    if (count != told.end() && checked.insert(tensor.before).second)
      refuse_gaps(reader, tensor.before, *count);
  }
  for (auto& [hyper_parameter, size] : sizes) {
    const auto found = told.find(hyper_parameter);
    if (found == told.end() || *found > largest_size) refuse_untold(reader, architecture, hyper_parameter);
    size = *found;
  }
}

std::vector<dist::BlockList> block_lists(const registry::Layout& architecture,
                                         const nlohmann::json& hyper_parameters) {
  std::vector<dist::BlockList> lists;
  for (const registry::LayoutTensor& tensor : architecture.tensors) {
    if (tensor.stage != registry::Stage::block) continue;
    if (tensor.list >= lists.size()) lists.resize(tensor.list + 1);
    const auto layers = hyper_parameters.find(tensor.index);
    if (layers == hyper_parameters.end()) throw lacks(architecture, tensor.index);
    // The name goes up to the index and its dot.
    lists[tensor.list] = {.name = tensor.before.substr(0, tensor.before.size() - 1), .layers = *layers};
  }
  return lists;
}

dist::ShardRule shard_rule(const registry::Layout& architecture, const nlohmann::json& hyper_parameters,
                           std::string_view tensor) {
  const registry::StatedTensor stated = registry::find_tensor(architecture, tensor);
  dist::ShardRule rule;
  if (stated.tensor == nullptr) return rule;
  rule.dim = stated.tensor->cut;
  rule.stages = stages_of(stated.tensor->stage);
  if (rule.stages == dist::Stages::of_layer) {
    rule.layer = static_cast<std::int64_t>(stated.number);
    if (stated.tensor->list > 0) {
      const std::vector<dist::BlockList> lists = block_lists(architecture, hyper_parameters);
      for (std::size_t i = 0; i < stated.tensor->list; ++i) rule.layer += lists[i].layers;
    }
  }
  if (const std::string& unit = stated.tensor->unit; !unit.empty()) {
    if (!hyper_parameters.contains(unit)) throw lacks(architecture, unit);
    rule.unit = hyper_parameters.at(unit);
  }
  return rule;
}

}  // namespace ditmill::models
