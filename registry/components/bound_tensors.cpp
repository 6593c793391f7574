#include "registry/components/bound_tensors.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "registry/components/kv_scale.h"

namespace ditmill::registry {
namespace {

// The first is that of the layouts that the catalog states; the others are other quantizers'.
constexpr std::array<std::string_view, 6> scale_ends{".weight_scale", ".scale_weight", ".weight_scale_inv",
                                                     ".input_scale",  ".scale_input",  ".comfy_quant"};
constexpr std::string_view fp8_mark = "scaled_fp8";
constexpr std::string_view weight_end = ".weight";

bool is_fp8_element(ElementType type) {
  return name(type).starts_with("F8_E4M3") || name(type).starts_with("F8_E5M2");
}

/// A component's tensors by their names without its prefix.
using Bare = std::map<std::string_view, const TensorInfo*, std::less<>>;

Bare bare_tensors(const Component& component, std::vector<std::string>& outside) {
  Bare bare;
  const std::string& prefix = component.identity.prefix;
  for (const WeightFile& file : component.files) {
    for (const TensorInfo& tensor : file.tensors) {
      std::string_view name = tensor.name;
      if (name.starts_with(prefix) && name.size() > prefix.size()) {
        bare.emplace(name.substr(prefix.size()), &tensor);
      } else {
        outside.push_back(tensor.name);
      }
    }
  }
  return bare;
}

struct Stated {
  const LayoutTensor* tensor = nullptr;
  std::optional<std::vector<std::uint64_t>> shape;  ///< nothing: its sizes are not known
};

/// All that a layout states, by name.
std::map<std::string, Stated, std::less<>> stated_tensors(const Layout& layout, const nlohmann::json& sizes) {
  constexpr std::uint64_t most_layers = 10'000;
  std::map<std::string, Stated, std::less<>> stated;
  for (const LayoutTensor& tensor : layout.tensors) {
    if (!tensor.when.empty() && !sizes.contains(tensor.when)) continue;
    std::uint64_t count = 1;
    if (!tensor.index.empty()) count = std::min(sizes.value(tensor.index, std::uint64_t{0}), most_layers);
    const Stated one{&tensor, stated_shape(tensor, sizes)};
    for (std::uint64_t i = 0; i < count; ++i) stated.emplace(tensor.name(i), one);
  }
  return stated;
}

/// The weight that a scale belongs to; nothing for a name that is no scale's.
std::optional<std::string> weight_of_scale(std::string_view name) {
  for (const std::string_view end : scale_ends) {
    if (name.ends_with(end) && name.size() > end.size())
      return std::string{name.substr(0, name.size() - end.size())} + std::string{weight_end};
  }
  return std::nullopt;
}

bool has_weight_scale(const Bare& bare, std::string_view weight) {
  weight.remove_suffix(weight_end.size());
  return std::ranges::any_of(std::span{scale_ends}.first(3), [&](std::string_view end) {
    return bare.contains(std::string{weight} + std::string{end});
  });
}

/// A row each, or one for all.
bool fits_weight(const TensorInfo& scale, const TensorInfo& weight) {
  return scale.elements() <= 1 || weight.shape.empty() || scale.shape.front() == weight.shape.front() ||
         scale.shape.size() == weight.shape.size();
}

class Binding {
 public:
  Binding(const Component& component, const Layout& layout, const nlohmann::json& sizes,
          const ComponentType& type)
      : layout_(layout),
        type_(type),
        bare_(bare_tensors(component, result_.passed_over)),
        stated_(stated_tensors(layout, sizes)) {}

  BoundTensors finish() {
    for (const auto& [name, tensor] : bare_) settle(name, *tensor);
    note_missing();
    note_unscaled();
    std::ranges::sort(result_.passed_over);
    return std::move(result_);
  }

 private:
  void settle(std::string_view name, const TensorInfo& tensor) {
    if (const auto stated = stated_.find(name); stated != stated_.end()) {
      take(std::string{name}, stated->second, tensor);
    } else if (const auto weight = weight_of_scale(name); weight && bare_.contains(*weight)) {
      const TensorInfo& scaled = *bare_.find(*weight)->second;
      result_.scales.emplace_back(name);
      if (!fits_weight(tensor, scaled))
        result_.misshapen.push_back({std::string{name}, {scaled.shape.front(), 1}, tensor.shape});
    } else if (name == fp8_mark || name.ends_with(".scaled_fp8")) {
      result_.scales.emplace_back(name);
    } else if (is_kv_scale(name)) {
      take_kv_scale(name, tensor);
    } else if (is_passed_over(name)) {
      result_.passed_over.emplace_back(name);
    } else {
      result_.unexpected.emplace_back(name);
    }
  }

  void take(const std::string& name, const Stated& stated, const TensorInfo& tensor) {
    found_.insert(name);
    if (weight_of_scale(name)) result_.scales.push_back(name);
    if (!stated.shape || *stated.shape == tensor.shape) {
      ++result_.bound;
    } else {
      result_.misshapen.push_back({name, *stated.shape, tensor.shape});
    }
  }

  void take_kv_scale(std::string_view name, const TensorInfo& tensor) {
    const auto layer =
        layer_name_of_kv_scale(name, [this](std::string_view each) { return stated_.contains(each); });
    if (layer && !found_.contains(*layer)) {
      take(*layer, stated_.find(*layer)->second, tensor);
    } else {
      result_.passed_over.emplace_back(name);
    }
  }

  bool is_passed_over(std::string_view name) const {
    return !layer_name(name, layout_.pairs) ||
           std::ranges::any_of(type_.passed_over,
                               [name](std::string_view half) { return name.starts_with(half); });
  }

  void note_missing() {
    std::vector<std::string> choices;
    bool chosen = false;
    for (const auto& [name, stated] : stated_) {
      const bool there = found_.contains(name);
      if (stated.tensor->optional) {
        chosen |= there;
        choices.push_back(name);
      } else if (!there) {
        result_.missing.push_back(name);
      }
    }
    if (!chosen) result_.one_of = std::move(choices);
  }

  void note_unscaled() {
    const auto needs_scale = [](const auto& each) {
      return is_fp8_element(each.second->type) && each.second->shape.size() > 1 &&
             each.first.ends_with(weight_end);
    };
    std::vector<std::string> without;
    bool any = false;
    for (const auto& each : bare_) {
      if (!needs_scale(each)) continue;
      const bool scaled = has_weight_scale(bare_, each.first);
      any |= scaled;
      if (!scaled) without.emplace_back(each.first);
    }
    if (any) result_.unscaled = std::move(without);
  }

  const Layout& layout_;
  const ComponentType& type_;
  BoundTensors result_;
  Bare bare_;
  std::map<std::string, Stated, std::less<>> stated_;
  std::set<std::string, std::less<>> found_;
};

ShapeTable bare_shapes(const Component& component) {
  std::vector<std::string> outside;
  std::vector<NamedShape> shapes;
  const Bare bare = bare_tensors(component, outside);
  for (const auto& [name, tensor] : bare) shapes.push_back({name, tensor->shape});
  return ShapeTable{std::move(shapes)};
}

/// A field of config.json that states a size, and the size.
struct SizeField {
  std::string field;
  std::string size;
};

/// Those fields of a layout's config.json that are a size as it is.
std::vector<SizeField> size_fields(const Layout& layout) {
  std::vector<SizeField> fields;
  if (layout.config.empty()) return fields;
  const nlohmann::json stated = nlohmann::json::parse(layout.config);
  for (const auto& [field, value] : stated.items()) {
    if (!value.is_string()) continue;
    const std::string text = value.get<std::string>();
    if (text.size() > 1 && text.front() == '$' && text.find_first_of("/:") == std::string::npos)
      fields.push_back({field, text.substr(1)});
  }
  return fields;
}

std::optional<std::uint64_t> natural_in(const nlohmann::json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || *found < 0) return std::nullopt;
  return found->get<std::uint64_t>();
}

bool counts_layers(const Layout& layout, std::string_view size) {
  return std::ranges::any_of(layout.tensors,
                             [size](const LayoutTensor& tensor) { return tensor.index == size; });
}

/// How much two sets of names have in common, in hundredths of the larger.
std::size_t shared_hundredths(const BoundTensors& bound, std::size_t tensors) {
  const std::size_t shared = bound.bound + bound.misshapen.size();
  const std::size_t larger = std::max(tensors, shared + bound.missing.size());
  return larger == 0 ? 0 : shared * 100 / larger;
}

}  // namespace

nlohmann::json sizes_of(const Component& component, const Layout& layout) {
  if (component.identity.how == "catalog") return component.identity.hyper_parameters;
  nlohmann::json sizes = solve(layout, bare_shapes(component));
  for (const SizeField& each : size_fields(layout)) {
    const std::optional<std::uint64_t> said = natural_in(component.config, each.field);
    if (said && (counts_layers(layout, each.size) || !sizes.contains(each.size))) sizes[each.size] = *said;
  }
  return sizes;
}

std::vector<std::string> config_contradictions(const Component& component, const Layout& layout) {
  std::vector<std::string> found;
  const nlohmann::json sizes = component.identity.how == "catalog" ? component.identity.hyper_parameters
                                                                   : solve(layout, bare_shapes(component));
  for (const SizeField& each : size_fields(layout)) {
    const std::optional<std::uint64_t> said = natural_in(component.config, each.field);
    const std::optional<std::uint64_t> told = natural_in(sizes, each.size);
    if (!said || !told || said == told) continue;
    found.push_back("config.json says " + each.field + " " + std::to_string(*said) + ", its tensors say " +
                    std::to_string(*told));
  }
  return found;
}

BoundTensors bind_tensors(const Component& component, const Layout& layout, const nlohmann::json& sizes,
                          const ComponentType& type) {
  return Binding{component, layout, sizes, type}.finish();
}

const Layout* layout_by_class(const Component& component, const Catalog& catalog,
                              std::string_view class_name) {
  constexpr std::size_t least = 50;
  std::set<std::string_view> architectures;
  for (const FamilySlots& family : catalog.families()) {
    for (const Slot& slot : family.slots) {
      for (const Accepted& accepted : slot.accepts) {
        if (accepted.in_index.size() == 2 && accepted.in_index[1] == class_name)
          architectures.insert(accepted.architecture);
      }
    }
  }
  std::size_t tensors = 0;
  for (const WeightFile& file : component.files) tensors += file.tensors.size();
  const Layout* best = nullptr;
  std::size_t most = least - 1;
  for (const Layout& layout : catalog.layouts()) {
    if (!architectures.contains(layout.architecture)) continue;
    const BoundTensors bound =
        bind_tensors(component, layout, sizes_of(component, layout), component_type_of_role(layout.role));
    if (const std::size_t shared = shared_hundredths(bound, tensors); shared > most) {
      most = shared;
      best = &layout;
    }
  }
  return best;
}

}  // namespace ditmill::registry
