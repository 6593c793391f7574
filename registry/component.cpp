#include "registry/component.h"

#include "configs/error.h"

namespace ditmill::registry {

std::uint64_t Component::tensor_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) total += tensor.end - tensor.begin;
  }
  return total;
}

std::map<std::string, std::vector<std::uint64_t>, std::less<>> Component::shapes() const {
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> shapes;
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) shapes.emplace(tensor.name, tensor.shape);
  }
  return shapes;
}

const Component& ModelFolder::component(std::string_view role) const {
  std::string roles;
  for (const Component& component : components) {
    if (component.role == role) return component;
    roles += (roles.empty() ? "" : ", ") + (component.role.empty() ? "unknown" : component.role);
  }
  throw Error{Category::bad_input, "find a component of the model", Where{.file = path},
              Expected{"a " + std::string{role}}, Got{roles.empty() ? "no components" : "only " + roles}};
}

}  // namespace ditmill::registry
