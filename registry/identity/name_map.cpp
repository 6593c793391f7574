#include "registry/identity/name_map.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/checked.h"

namespace ditmill::registry {
namespace {

// std::regex recurses once a character: what is longer than any layer's name is not shown to it.
constexpr std::size_t longest_matched = 512;
constexpr std::size_t most_shown = 50;

/// A name of the layers while its parts come together.
struct Group {
  std::vector<const TensorInfo*> parts;  ///< null: not there yet
  std::size_t dim = 0;
};

std::string shown(std::string_view name) { return printable(name, 120); }

class Mapping {
 public:
  explicit Mapping(const Component& component) : component_(component) {}

  void add(const TensorInfo& tensor, const Layout& layout) {
    std::string_view bare = tensor.name;
    const std::string& prefix = component_.identity.prefix;
    if (!bare.starts_with(prefix) || bare.size() == prefix.size())
      return;  // of an optimizer, beside the model
    bare.remove_prefix(prefix.size());
    std::optional<std::string> paired = layer_name(bare, layout.pairs);
    if (!paired) return;
    std::string name = *std::move(paired);
    const NameRule* joins = nullptr;
    for (const NameRule& rule : layout.names) {
      if (name.size() > longest_matched || !std::regex_search(name, rule.from)) continue;
      if (rule.to.empty()) return;
      name = std::regex_replace(name, rule.from, rule.to);
      if (rule.parts > 1) joins = &rule;
    }
    if (joins == nullptr) {
      put(name, tensor, 0, 1, 0);
    } else {
      put(name, tensor, joins->part, joins->parts, joins->dim);
    }
  }

  std::vector<NamedTensor> finish() {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, group] : groups_) {
      if (std::optional<NamedTensor> tensor = join(name, group)) tensors.push_back(*std::move(tensor));
    }
    if (wrong_.empty()) return tensors;
    std::string got;
    for (std::size_t i = 0; i < std::min(wrong_.size(), most_shown); ++i) {
      extend_list(got, wrong_[i], "; ");
    }
    if (wrong_.size() > most_shown) got += "; and " + std::to_string(wrong_.size() - most_shown) + " more";
    throw Error{Category::bad_input,
                "give the tensors the names of the layers",
                Where{.file = component_.label},
                Expected{"one tensor, or all parts of one, for each name"},
                Got{std::move(got)},
                "shards of two checkpoints may be mixed, or one may be missing"};
  }

 private:
  void put(const std::string& name, const TensorInfo& tensor, std::size_t part, std::size_t parts,
           std::size_t dim) {
    Group& group = groups_[name];
    if (group.parts.empty()) group = {.parts = std::vector<const TensorInfo*>(parts), .dim = dim};
    if (group.parts.size() != parts || group.dim != dim || group.parts[part] != nullptr) {
      const auto other =
          std::ranges::find_if(group.parts, [](const auto* there) { return there != nullptr; });
      const TensorInfo& first =
          *(part < group.parts.size() && group.parts[part] != nullptr ? group.parts[part] : *other);
      wrong_.push_back(shown(name) + " comes from both " + shown(first.name) + " and " + shown(tensor.name));
      return;
    }
    group.parts[part] = &tensor;
  }

  std::optional<NamedTensor> join(const std::string& name, const Group& group) {
    std::string missing;
    for (std::size_t part = 0; part < group.parts.size(); ++part) {
      if (group.parts[part] == nullptr) extend_list(missing, std::to_string(part));
    }
    if (!missing.empty()) {
      wrong_.push_back(shown(name) + " lacks part " + missing + " of " + std::to_string(group.parts.size()));
      return std::nullopt;
    }
    NamedTensor tensor{.name = name,
                       .shape = group.parts.front()->shape,
                       .parts = {group.parts.front()->name},
                       .dim = group.dim};
    for (std::size_t part = 1; part < group.parts.size(); ++part) {
      const TensorInfo& next = *group.parts[part];
      if (!extend(tensor, next.shape)) {
        wrong_.push_back(shown(name) + " cannot be joined along dimension " + std::to_string(group.dim) +
                         " from " + shape_text(tensor.shape) + " and " + shape_text(next.shape) + " of " +
                         shown(next.name));
        return std::nullopt;
      }
      tensor.parts.push_back(next.name);
    }
    return tensor;
  }

  static bool extend(NamedTensor& tensor, const std::vector<std::uint64_t>& more) {
    if (tensor.dim >= tensor.shape.size() || more.size() != tensor.shape.size()) return false;
    for (std::size_t i = 0; i < more.size(); ++i) {
      if (i != tensor.dim && more[i] != tensor.shape[i]) return false;
    }
    const std::optional<std::uint64_t> sum = checked_add(tensor.shape[tensor.dim], more[tensor.dim]);
    if (sum) tensor.shape[tensor.dim] = *sum;
    return sum.has_value();
  }

  const Component& component_;
  std::map<std::string, Group> groups_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<NamedTensor> name_tensors(const Component& component, const Layout& layout) {
  if (layout.names_layers() && component.identity.prefix.empty()) return {};
  Mapping mapping{component};
  for (const WeightFile& file : component.files) {
    for (const TensorInfo& tensor : file.tensors) mapping.add(tensor, layout);
  }
  return mapping.finish();
}

}  // namespace ditmill::registry
