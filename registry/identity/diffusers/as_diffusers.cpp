#include "registry/identity/diffusers/as_diffusers.h"

#include <algorithm>
#include <utility>

#include "registry/identity/catalog.h"
#include "registry/identity/diffusers/all_zero.h"
#include "registry/identity/diffusers/cascade.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/path_pattern.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view wrapper = "state_dict.";

/// Bytes of the names in a file that are the dictionaries which diffusers takes off.
std::size_t wrapper_bytes(const WeightFile& file) {
  std::size_t bytes = 0;
  const auto wrapped = [&bytes](const TensorInfo& tensor) {
    return tensor.outer_bytes >= bytes + wrapper.size() &&
           std::string_view{tensor.name}.substr(bytes).starts_with(wrapper);
  };
  // All that is deeper begins with the same keys: the wrapper's own.
  while (std::ranges::any_of(file.tensors, wrapped)) bytes += wrapper.size();
  return bytes;
}

/// Whether the tensor that diffusers' loader calls so is all zero.
std::optional<bool> all_zero(const Component& component, std::string_view name) {
  for (const WeightFile& file : component.files) {
    const std::size_t outer = wrapper_bytes(file);
    const auto found = std::ranges::find_if(file.tensors, [&](const TensorInfo& tensor) {
      return tensor.outer_bytes == outer && std::string_view{tensor.name}.substr(outer) == name;
    });
    if (found != file.tensors.end()) return is_all_zero(*found, *open_file(file.path));
  }
  return std::nullopt;
}

/// Answers of one component, or of each in a folder of several.
void answer_place(const ComponentPlace& place, const Catalog& catalog,
                  std::vector<DiffusersAnswer>& answers) {
  DiffusersAnswer answer{.path = place.path};
  try {
    std::vector<std::string> warnings;
    const Component component = open_component(place, catalog, {}, warnings);
    answer.path = component.label;
    answer.types = diffusers_type(ShapeTable{tensors_for_diffusers(component)}, component.label,
                                  [&](std::string_view name) { return all_zero(component, name); });
  } catch (const Error& error) {
    answer.error = error;
  }
  answers.push_back(std::move(answer));
}

void answer_group(const WeightGroup& group, const Catalog& catalog, std::vector<DiffusersAnswer>& answers) {
  if (!group.shards.empty()) {
    answer_place({.path = group.label, .shards = group.shards}, catalog, answers);
    return;
  }
  try {
    for (const ComponentPlace& place : find_components(group.label, catalog).components) {
      answer_place(place, catalog, answers);
    }
  } catch (const Error& error) {
    answers.push_back({.path = group.label, .error = error});
  }
}

}  // namespace

std::vector<NamedShape> tensors_for_diffusers(const Component& component) {
  std::vector<NamedShape> shapes;
  for (const WeightFile& file : component.files) {
    const std::size_t outer = wrapper_bytes(file);
    for (const TensorInfo& tensor : file.tensors) {
      if (tensor.outer_bytes != outer) continue;
      const std::string_view name = std::string_view{tensor.name}.substr(outer);
      shapes.push_back({.name = name, .shape = tensor.shape});
    }
  }
  return shapes;
}

std::vector<DiffusersAnswer> as_diffusers(std::span<const std::string> paths) {
  const Catalog catalog = Catalog::built_in();
  std::vector<DiffusersAnswer> answers;
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    const std::vector<std::string> matches = expand_pattern(path);
    found.insert(found.end(), matches.begin(), matches.end());
  }
  for (const WeightGroup& group : group_shards(found)) answer_group(group, catalog, answers);
  return answers;
}

}  // namespace ditmill::registry
