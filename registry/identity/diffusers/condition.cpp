#include "registry/identity/diffusers/condition.h"

#include <algorithm>

#include "configs/error.h"
#include "registry/identity/diffusers/checkpoint_keys.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {
namespace {

using Asks = KeyCondition::Asks;

std::string name_in(std::string_view name, const KeyCondition& condition, const Checkpoint& checkpoint) {
  if (condition.prefix_with.empty()) return std::string{name};
  const std::string mark = std::string{cascade::ldm_prefix} + std::string{condition.prefix_with};
  return (checkpoint.shapes.find(mark) != nullptr ? std::string{cascade::ldm_prefix} : "") +
         std::string{name};
}

std::uint64_t size_of(const NamedShape& tensor, int dim, const Checkpoint& checkpoint) {
  const std::size_t needed = dim < 0 ? 1 : static_cast<std::size_t>(dim) + 1;
  if (tensor.shape.size() >= needed) return dim < 0 ? tensor.shape.back() : tensor.shape[needed - 1];
  throw Error{Category::bad_input,
              asking_diffusers,
              Where{.file = checkpoint.label, .tensor = std::string{tensor.name}},
              Expected{needed == 1 ? "a dimension" : std::to_string(needed) + " dimensions"},
              Got{shape_text(tensor.shape)},
              diffusers_ends("an IndexError")};
}

const NamedShape& required(const KeyCondition& condition, const Checkpoint& checkpoint) {
  const std::string name = asked_name(condition, checkpoint);
  const NamedShape* tensor = checkpoint.shapes.find(name);
  if (tensor != nullptr) return *tensor;
  throw Error{Category::bad_input,
              asking_diffusers,
              Where{.file = checkpoint.label, .tensor = name},
              Expected{"this tensor, as in all checkpoints that have the others"},
              Got{"none"},
              diffusers_ends("a KeyError")};
}

}  // namespace

std::string diffusers_ends(std::string_view exception) {
  return "diffusers itself ends with " + std::string{exception} + " here";
}

std::string asked_name(const KeyCondition& condition, const Checkpoint& checkpoint) {
  return name_in(condition.names.front(), condition, checkpoint);
}

std::optional<bool> holds(const KeyCondition& condition, const Checkpoint& checkpoint) {
  const auto find = [&](std::string_view name) {
    return checkpoint.shapes.find(name_in(name, condition, checkpoint));
  };
  const auto is_there = [&](std::string_view name) { return find(name) != nullptr; };
  const auto size_is = [&](const NamedShape& tensor) {
    return size_of(tensor, condition.dim, checkpoint) == condition.number;
  };
  switch (condition.asks) {
    case Asks::nothing:
      return true;
    case Asks::any:
      return std::ranges::any_of(condition.names, is_there);
    case Asks::all:
      return std::ranges::all_of(condition.names, is_there);
    case Asks::none:
      return std::ranges::none_of(condition.names, is_there);
    case Asks::size:
      return size_is(required(condition, checkpoint));
    case Asks::other_size:
      return !size_is(required(condition, checkpoint));
    case Asks::any_size:
      return std::ranges::any_of(condition.names, [&](std::string_view name) {
        const NamedShape* tensor = find(name);
        return tensor != nullptr && size_is(*tensor);
      });
    case Asks::any_ends:
      return std::ranges::any_of(checkpoint.shapes.tensors(), [&](const NamedShape& tensor) {
        return std::ranges::any_of(condition.names,
                                   [&](std::string_view end) { return tensor.name.ends_with(end); });
      });
    case Asks::all_zero:
      if (!checkpoint.reads_all_zero) return std::nullopt;
      return checkpoint.reads_all_zero(asked_name(condition, checkpoint));
  }
  return std::nullopt;
}

std::optional<bool> all_hold(std::span<const KeyCondition> conditions, const Checkpoint& checkpoint) {
  for (const KeyCondition& condition : conditions) {
    const std::optional<bool> held = holds(condition, checkpoint);
    if (!held || !*held) return held;
  }
  return true;
}

}  // namespace ditmill::registry
