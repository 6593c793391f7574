#include "registry/component.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::registry {

std::uint64_t Component::tensor_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) total += tensor.end - tensor.begin;
  }
  return total;
}

std::vector<NamedTensor> Component::layer_tensors() const {
  std::vector<NamedTensor> tensors = named;
  if (tensors.empty()) {
    for (const WeightFile& file : files) {
      for (const TensorInfo& tensor : file.tensors) {
        tensors.push_back({.name = tensor.name, .shape = tensor.shape, .parts = {tensor.name}});
      }
    }
  }
  std::ranges::sort(tensors, {}, &NamedTensor::name);
  return tensors;
}

std::map<std::string, std::vector<std::uint64_t>, std::less<>> Component::shapes() const {
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> shapes;
  for (NamedTensor& tensor : layer_tensors()) shapes.emplace(tensor.name, std::move(tensor.shape));
  return shapes;
}

std::set<std::string_view> parts_of(std::span<const NamedTensor> tensors) {
  std::set<std::string_view> parts;
  for (const NamedTensor& tensor : tensors) parts.insert(tensor.parts.begin(), tensor.parts.end());
  return parts;
}

const Component& ModelFolder::component(std::string_view name) const {
  std::string names;
  for (const Component& component : components) {
    if (component.name == name) return component;
    extend_list(names, component.name.empty() ? "something unknown" : component.name);
  }
  throw Error{Category::bad_input, "find a component of the model", Where{.file = path},
              Expected{"a component " + std::string{name}},
              Got{names.empty() ? "no components" : "only " + names}};
}

}  // namespace ditmill::registry
