#include "registry/tools/diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::registry {
namespace {

struct Located {
  const WeightFile* file;
  const TensorInfo* tensor;
};
using ByName = std::map<std::string, Located>;

std::string names_text(const OpenedWeights& weights) {
  return some_of(weights.components, 8, [](const NamedComponent& one) {
    return printable(one.name.empty() ? one.component.label : one.name, max_shown);
  });
}

ByName tensors_of(const OpenedWeights& weights) {
  ByName tensors;
  for (const auto& [name, component] : weights.components) {
    const std::string prefix = weights.components.size() > 1 ? name + "/" : "";
    for (const WeightFile& file : component.files) {
      for (const TensorInfo& tensor : file.tensors) {
        if (tensors.emplace(prefix + tensor.name, Located{&file, &tensor}).second) continue;
        throw Error{Category::bad_input, "compare weights", Where{.file = file.path, .tensor = tensor.name},
                    Expected{"components of different names"}, Got{names_text(weights)}};
      }
    }
  }
  return tensors;
}

void require_same_kind(const OpenedWeights& a, const OpenedWeights& b) {
  const auto one = [](const OpenedWeights& weights) { return weights.components.size() == 1; };
  if (one(a) == one(b)) return;
  throw Error{Category::usage,
              "compare weights",
              {},
              Expected{"two components, or two models"},
              Got{names_text(a) + " and " + names_text(b)},
              "name the component's folder of the model"};
}

/// The file of the tensors that are compared, opened once for those that follow one another.
class OpenFile {
 public:
  const ByteSource& of(const WeightFile& file) {
    if (file_ != &file) {
      source_ = open_file(file.path);
      file_ = &file;
    }
    return *source_;
  }

 private:
  const WeightFile* file_ = nullptr;
  std::unique_ptr<ByteSource> source_;
};

/// `- ` lines of the first of a list, under its count.
template <typename List, typename Show>
void add_kind(std::string& text, const std::string& title, const List& list, const Show& show) {
  constexpr std::size_t most = 20;
  if (list.empty()) return;
  text += title + ": " + std::to_string(list.size()) + "\n";
  for (std::size_t i = 0; i < list.size() && i < most; ++i) text += "  " + show(list[i]) + "\n";
  if (list.size() > most) text += "  ... and " + std::to_string(list.size() - most) + " more\n";
}

std::string difference_text(const WeightDifference::Values& values) {
  const ValueDifference& difference = values.difference;
  std::string text = printable(values.name) + ": ";
  if (!difference.why.empty()) return text + difference.why;
  if (!difference.max_abs) return text + "infinitely far apart, or a NaN on one side";
  if (*difference.max_abs == 0) return text + "equal values, other bits";
  return text + "at most " + nlohmann::json(*difference.max_abs).dump() + " apart";
}

}  // namespace

bool WeightDifference::alike() const {
  return only_a.empty() && only_b.empty() && shapes.empty() && types.empty() &&
         std::ranges::all_of(values, [](const Values& one) { return one.difference.equal_bits; });
}

WeightDifference diff_weights(const OpenedWeights& a, const OpenedWeights& b, bool with_values) {
  require_same_kind(a, b);
  const ByName in_a = tensors_of(a);
  const ByName in_b = tensors_of(b);
  WeightDifference difference;
  for (const auto& [name, located] : in_b) {
    if (!in_a.contains(name)) difference.only_b.push_back(name);
  }
  OpenFile file_a;
  OpenFile file_b;
  for (const auto& [name, located] : in_a) {
    const auto other = in_b.find(name);
    if (other == in_b.end()) {
      difference.only_a.push_back(name);
      continue;
    }
    ++difference.shared;
    const TensorInfo& x = *located.tensor;
    const TensorInfo& y = *other->second.tensor;
    if (x.type != y.type) difference.types.push_back({name, x.type, y.type});
    if (x.shape != y.shape) {
      difference.shapes.push_back({name, x.shape, y.shape});
    } else if (with_values) {
      difference.values.push_back(
          {name, compare_values({file_a.of(*located.file), x}, {file_b.of(*other->second.file), y})});
    }
  }
  return difference;
}

nlohmann::json to_json(const WeightDifference& difference) {
  nlohmann::json shapes = nlohmann::json::array();
  for (const auto& [name, a, b] : difference.shapes) shapes.push_back({{"name", name}, {"a", a}, {"b", b}});
  nlohmann::json types = nlohmann::json::array();
  for (const auto& [tensor, a, b] : difference.types) {
    types.push_back({{"name", tensor}, {"a", name(a)}, {"b", name(b)}});
  }
  nlohmann::json values = nlohmann::json::array();
  for (const auto& [name, compared] : difference.values) {
    nlohmann::json object{{"name", name}, {"max_abs", nullptr}, {"equal_bits", compared.equal_bits}};
    if (compared.max_abs) object["max_abs"] = *compared.max_abs;
    if (!compared.why.empty()) object["why"] = compared.why;
    values.push_back(std::move(object));
  }
  return {{"only_a", difference.only_a},
          {"only_b", difference.only_b},
          {"shape", std::move(shapes)},
          {"dtype", std::move(types)},
          {"values", std::move(values)}};
}

std::string diff_text(const WeightDifference& difference) {
  std::string text = "tensors in both: " + std::to_string(difference.shared) + "\n";
  const auto itself = [](const std::string& name) { return printable(name); };
  add_kind(text, "only in A", difference.only_a, itself);
  add_kind(text, "only in B", difference.only_b, itself);
  add_kind(text, "other shape", difference.shapes, [](const auto& one) {
    return printable(one.name) + ": " + shape_text(one.a) + " and " + shape_text(one.b);
  });
  add_kind(text, "other dtype", difference.types, [](const auto& one) {
    return printable(one.name) + ": " + std::string{name(one.a)} + " and " + std::string{name(one.b)};
  });
  std::vector<WeightDifference::Values> other;
  std::ranges::copy_if(difference.values, std::back_inserter(other),
                       [](const auto& one) { return !one.difference.equal_bits; });
  add_kind(text, "other values", other, difference_text);
  if (difference.alike()) {
    text += difference.values.empty() ? "the same names, shapes and dtypes (--values compares values)\n"
                                      : "the same names, shapes, dtypes and values\n";
  }
  return text;
}

}  // namespace ditmill::registry
