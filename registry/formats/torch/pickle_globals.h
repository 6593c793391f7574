#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "registry/tensor_info.h"

namespace ditmill::registry {

/// What the globals of a state dict stand for. None of them is ever imported or called: each is a word.
enum class GlobalKind : std::uint8_t {
  ordered_dict,
  size,
  device,
  rebuild_tensor,
  rebuild_tensor_v2,
  rebuild_tensor_v3,
  rebuild_parameter,
  rebuild_parameter_with_state,
  storage_type,
  dtype,
};

struct PickleGlobal {
  GlobalKind kind = GlobalKind::dtype;
  ElementType type = ElementType::u8;  ///< of storage types and dtypes

  bool operator==(const PickleGlobal&) const = default;
};

/// The global of that module and name, or nothing: the list is closed.
std::optional<PickleGlobal> pickle_global(std::string_view module, std::string_view name) noexcept;
/// What a global outside the list that torch.save writes stands for, and what to save in its place; nothing
/// of others.
struct RefusedGlobal {
  std::string_view meaning;
  std::string_view cure;
};
std::optional<RefusedGlobal> refused_global(std::string_view module, std::string_view name) noexcept;

/// The class in the module torch of the typed storages of an element type; empty if there is none.
std::string_view storage_class(ElementType type) noexcept;

}  // namespace ditmill::registry
