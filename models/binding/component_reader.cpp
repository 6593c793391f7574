#include "models/binding/component_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::models {
namespace {

std::string text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

ComponentReader::ComponentReader(const registry::Component& component, std::string doing, std::string kind)
    : component_(component), doing_(std::move(doing)), kind_(std::move(kind)), shapes_(component.shapes()) {
  using enum registry::ElementType;
  const std::set<std::string_view> used = registry::parts_of(component.named);
  for (const registry::WeightFile& file : component.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      if (tensor.type == f32 || tensor.type == bf16 || tensor.type == f16) continue;
      if (!component.named.empty() && !used.contains(tensor.name)) continue;
      throw Error{Category::unsupported,
                  doing_,
                  Where{.file = file.path, .tensor = tensor.name},
                  Expected{"F32, BF16 or F16"},
                  Got{std::string(registry::name(tensor.type))},
                  "convert the weights: this version computes with none of the packed types"};
    }
  }
}

std::int64_t ComponentReader::size(const std::string& tensor, std::size_t rank, std::size_t index) const {
  const auto found = shapes_.find(tensor);
  if (found == shapes_.end()) refuse(tensor, "a tensor of this name, as " + kind_ + " has", "none");
  const std::vector<std::uint64_t>& shape = found->second;
  if (shape.size() != rank || shape[index] == 0 || shape[index] > largest_size) {
    refuse(tensor, std::to_string(rank) + " dimensions of at least 1", "shape " + text(shape));
  }
  return static_cast<std::int64_t>(shape[index]);
}

std::int64_t ComponentReader::count(const std::string& prefix, const std::string& suffix) const {
  std::int64_t number = 0;
  while (has(fmt::format("{}{}{}", prefix, number, suffix))) ++number;
  return number;
}

Where ComponentReader::at_field(const std::string& name) const {
  return Where{.file = component_.config_path.empty() ? component_.label : component_.config_path,
               .key = printable(name, 80)};
}

const nlohmann::json* ComponentReader::field(const std::string& name) const {
  const auto found = component_.config.find(name);
  return found == component_.config.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::int64_t> ComponentReader::integer(const std::string& name) const {
  const nlohmann::json* value = field(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer() || *value < 1 || *value > largest_size) {
    refuse_field(name, "a whole number from 1");
  }
  return value->get<std::int64_t>();
}

std::optional<double> ComponentReader::positive(const std::string& name) const {
  const nlohmann::json* value = field(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() > 0)) refuse_field(name, "a number above 0");
  return value->get<double>();
}

std::optional<std::vector<double>> ComponentReader::numbers(const std::string& name,
                                                            std::size_t count) const {
  const nlohmann::json* value = field(name);
  if (value == nullptr) return std::nullopt;
  const auto finite = [](const nlohmann::json& entry) {
    return entry.is_number() && std::isfinite(entry.get<double>());
  };
  if (!value->is_array() || value->size() != count || !std::all_of(value->begin(), value->end(), finite)) {
    refuse_field(name, "a list of " + std::to_string(count) + " numbers");
  }
  return value->get<std::vector<double>>();
}

void ComponentReader::agrees(const std::string& name, const nlohmann::json& shapes_say) const {
  const nlohmann::json* value = field(name);
  if (value != nullptr && *value != shapes_say) {
    refuse_field(name, shapes_say.dump() + ", as the weights' shapes say");
  }
}

void ComponentReader::only(const std::string& name, const nlohmann::json& supported) const {
  const auto found = component_.config.find(name);
  if (found == component_.config.end() || *found == supported) return;
  throw Error{Category::unsupported,
              doing_,
              Where{.file = component_.config_path, .key = name},
              Expected{supported.dump()},
              Got{printable(found->dump())},
              "this version cannot compute anything else"};
}

void ComponentReader::account(const Shapes& expected) const {
  std::vector<std::string> wrong;
  for (const auto& [name, shape] : expected) {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) {
      wrong.push_back("missing " + name + " " + text(shape));
    } else if (found->second != shape) {
      wrong.push_back(name + " is " + text(found->second) + ", not " + text(shape));
    }
  }
  for (const auto& [name, shape] : shapes_) {
    if (!expected.contains(name)) wrong.push_back("unexpected " + printable(name, 120) + " " + text(shape));
  }
  if (wrong.empty()) return;
  std::string got;
  constexpr std::size_t shown = 100;
  for (std::size_t i = 0; i < std::min(shown, wrong.size()); ++i) extend_list(got, wrong[i], "; ");
  if (wrong.size() > shown) got += "; and " + std::to_string(wrong.size() - shown) + " more";
  throw Error{Category::bad_input, doing_, Where{.file = component_.label},
              Expected{"the " + std::to_string(expected.size()) + " tensors of " + kind_}, Got{got}};
}

void ComponentReader::refuse(const std::string& tensor, std::string expected, std::string got,
                             std::string hint) const {
  throw Error{Category::bad_input,
              doing_,
              Where{.file = component_.label, .tensor = tensor},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

void ComponentReader::refuse_field(const std::string& name, std::string expected) const {
  throw Error{Category::bad_input,
              doing_,
              Where{.file = component_.config_path, .key = name},
              Expected{std::move(expected)},
              Got{printable(component_.config.at(name).dump())},
              "the config.json may belong to other weights: fetch the component again"};
}

}  // namespace ditmill::models
