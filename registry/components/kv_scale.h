#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ditmill::registry {

/// Whether a tensor is a scale of an attention's keys or values, by its name: of caches in FP8.
bool is_kv_scale(std::string_view name) noexcept;

/// The name that the layers have for a scale of keys or values, as FastVideo finds it: quantizers write
/// `self_attn.kv_scale`, `self_attn.k_scale` or `self_attn.k_proj.k_scale` for the layers'
/// `self_attn.attn.k_scale`. `has` tells the layers' names; nothing if they have none of that name, so that
/// the scale is not loaded. Every other name is itself.
std::optional<std::string> layer_name_of_kv_scale(std::string_view name,
                                                  const std::function<bool(std::string_view)>& has);

}  // namespace ditmill::registry
