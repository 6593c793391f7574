#include "registry/identity/layout.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/number_text.h"
#include "registry/checked.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t most_layers = 10'000;
constexpr std::size_t most_expected = 1'000'000;  // tensors of a model
constexpr std::size_t longest_size = 100;

using Symbols = std::map<std::string, std::uint64_t, std::less<>>;

bool is_symbol(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  }) && (text[0] < '0' || text[0] > '9');
}

/// Value of a size, if all its symbols are known and it does not wrap.
std::optional<std::uint64_t> value(const LayoutSize& size, const Symbols& symbols) {
  std::optional<std::uint64_t> product = size.factor;
  for (const std::string& symbol : size.symbols) {
    const auto found = symbols.find(symbol);
    if (found == symbols.end() || !product) return std::nullopt;
    product = checked_multiply(*product, found->second);
  }
  return product;
}

/// Learns the one symbol of a size that is not known yet, if the actual size tells it. Returns whether it
/// did.
bool learn(const LayoutSize& size, std::uint64_t actual, Symbols& symbols) {
  std::uint64_t known = size.factor;
  const std::string* unknown = nullptr;
  for (const std::string& symbol : size.symbols) {
    const auto found = symbols.find(symbol);
    if (found == symbols.end()) {
      if (unknown != nullptr) return false;
      unknown = &symbol;
      continue;
    }
    const std::optional<std::uint64_t> product = checked_multiply(known, found->second);
    if (!product) return false;
    known = *product;
  }
  if (unknown == nullptr || known == 0 || actual == 0 || actual % known != 0) return false;
  symbols.emplace(*unknown, actual / known);
  return true;
}

}  // namespace

std::string LayoutSize::text() const {
  std::string text = factor == 1 && !symbols.empty() ? "" : std::to_string(factor);
  for (const std::string& symbol : symbols) text += (text.empty() ? "" : "*") + symbol;
  return text;
}

std::string LayoutTensor::name(std::uint64_t number) const {
  return index.empty() ? before : before + std::to_string(number) + after;
}

std::optional<std::vector<LayoutTensor>> parse_layout_name(std::string_view text) {
  const std::optional<std::vector<std::string>> names = expand_lists(text);
  if (text.empty() || !names) return std::nullopt;
  std::vector<LayoutTensor> tensors;
  for (const std::string& name : *names) {
    const std::size_t open = name.find('{');
    if (open == std::string::npos) {
      tensors.push_back({.before = name, .index = {}, .after = {}, .shape = {}});
      continue;
    }
    const std::size_t close = name.find('}', open);
    const std::string index = name.substr(open + 1, close - open - 1);
    const std::string after = name.substr(close + 1);
    // A name has one index.
    if (!is_symbol(index) || after.find('{') != std::string::npos) return std::nullopt;
    tensors.push_back({.before = name.substr(0, open), .index = index, .after = after, .shape = {}});
  }
  return tensors;
}

StatedTensor find_tensor(const Layout& layout, std::string_view name) {
  for (const LayoutTensor& tensor : layout.tensors) {
    if (tensor.index.empty()) {
      if (tensor.before == name) return {.tensor = &tensor};
      continue;
    }
    if (!name.starts_with(tensor.before) || !name.ends_with(tensor.after) ||
        name.size() <= tensor.before.size() + tensor.after.size())
      continue;
    const std::string_view inside =
        name.substr(tensor.before.size(), name.size() - tensor.before.size() - tensor.after.size());
    if (const auto number = number_from_text<std::uint64_t>(inside); number && *number < most_layers)
      return {.tensor = &tensor, .number = *number};
  }
  return {};
}

std::optional<LayoutSize> parse_layout_size(std::string_view text) {
  if (text.size() > longest_size) return std::nullopt;
  LayoutSize size;
  for (;;) {
    const std::size_t end = text.find('*');
    const std::string_view part = text.substr(0, end);
    if (const std::optional<std::uint64_t> number = number_from_text<std::uint64_t>(part)) {
      const std::optional<std::uint64_t> product = checked_multiply(size.factor, *number);
      if (!product) return std::nullopt;
      size.factor = *product;
    } else if (is_symbol(part)) {
      size.symbols.emplace_back(part);
    } else {
      return std::nullopt;
    }
    if (end == std::string_view::npos) return size;
    text.remove_prefix(end + 1);
  }
}

ShapeTable::ShapeTable(std::vector<NamedShape> tensors) : tensors_(std::move(tensors)) {
  std::ranges::sort(tensors_, {}, &NamedShape::name);
}

const NamedShape* ShapeTable::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &NamedShape::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

std::uint64_t ShapeTable::count(std::string_view prefix) const {
  std::uint64_t count = 0;
  auto tensor = std::ranges::lower_bound(tensors_, prefix, {}, &NamedShape::name);
  for (; tensor != tensors_.end() && tensor->name.starts_with(prefix); ++tensor) {
    const std::string_view rest = tensor->name.substr(prefix.size());
    const std::optional<std::uint64_t> number =
        number_from_text<std::uint64_t>(rest.substr(0, rest.find('.')));
    if (number && *number < tensors_.size()) count = std::max(count, *number + 1);
  }
  return count;
}

bool matches(const Layout& layout, const ShapeTable& shapes) {
  return std::ranges::all_of(layout.marks, [&shapes](const LayoutTensor& mark) {
    if (mark.index.empty()) return shapes.find(mark.before) != nullptr;
    const std::uint64_t count = shapes.count(mark.before);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (shapes.find(mark.name(i)) == nullptr) return false;
    }
    return count > 0;
  });
}

nlohmann::json solve(const Layout& layout, const ShapeTable& shapes) {
  Symbols symbols;
  for (const LayoutTensor& tensor : layout.tensors) {
    if (tensor.index.empty()) continue;
    if (const std::uint64_t count = shapes.count(tensor.before); count > 0)
      symbols.emplace(tensor.index, count);
  }
  // A product of two hyper-parameters tells one of them once another tensor has told the other.
  for (bool learnt = true; learnt;) {
    learnt = false;
    for (const LayoutTensor& tensor : layout.tensors) {
      const NamedShape* found = shapes.find(tensor.name(0));
      if (found == nullptr || found->shape.size() != tensor.shape.size()) continue;
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        learnt = learn(tensor.shape[i], found->shape[i], symbols) || learnt;
      }
    }
  }
  for (const LayoutTensor& tensor : layout.tensors) {
    // What only says that tensors are there has no size to tell it.
    if (!tensor.when.empty() && shapes.find(tensor.name(0)) != nullptr) symbols.emplace(tensor.when, 1);
  }
  nlohmann::json solved = nlohmann::json::object();
  for (const auto& [symbol, number] : symbols) solved[symbol] = number;
  return solved;
}

namespace {

Symbols symbols_of(const nlohmann::json& hyper_parameters) {
  Symbols symbols;
  for (const auto& [key, number] : hyper_parameters.items()) {
    if (number.is_number_unsigned() || (number.is_number_integer() && number >= 0)) {
      symbols.emplace(key, number.get<std::uint64_t>());
    }
  }
  return symbols;
}

std::optional<std::vector<std::uint64_t>> shape_with(const LayoutTensor& tensor, const Symbols& symbols) {
  std::vector<std::uint64_t> shape;
  for (const LayoutSize& size : tensor.shape) {
    const std::optional<std::uint64_t> number = value(size, symbols);
    if (!number || shape.size() == most_dimensions) return std::nullopt;
    shape.push_back(*number);
  }
  return shape;
}

}  // namespace

std::optional<std::vector<std::uint64_t>> stated_shape(const LayoutTensor& tensor,
                                                       const nlohmann::json& hyper_parameters) {
  return shape_with(tensor, symbols_of(hyper_parameters));
}

std::optional<std::vector<ExpectedTensor>> expand(const Layout& layout,
                                                  const nlohmann::json& hyper_parameters) {
  const Symbols symbols = symbols_of(hyper_parameters);
  std::vector<ExpectedTensor> expected;
  for (const LayoutTensor& tensor : layout.tensors) {
    if (!tensor.when.empty() && !symbols.contains(tensor.when)) continue;
    std::uint64_t count = 1;
    if (!tensor.index.empty()) {
      const auto found = symbols.find(tensor.index);
      if (found == symbols.end() || found->second > most_layers) return std::nullopt;
      count = found->second;
    }
    if (expected.size() + count > most_expected) return std::nullopt;
    const std::optional<std::vector<std::uint64_t>> shape = shape_with(tensor, symbols);
    if (!shape || shape->size() > most_dimensions) return std::nullopt;
    for (std::uint64_t i = 0; i < count; ++i) expected.push_back({tensor.name(i), *shape, tensor.optional});
  }
  std::ranges::sort(expected, {}, &ExpectedTensor::name);
  return expected;
}

}  // namespace ditmill::registry
