#pragma once

#include <span>
#include <string>
#include <string_view>

#include "registry/component.h"
#include "registry/key_hash.h"

namespace ditmill::registry {

/// Whether tensors are those of a LoRA (or another adapter: LoHa, LoKr, DoRA, weight differences), by their
/// names in any of the common styles.
bool is_lora(std::span<const NamedShape> tensors);
/// Whether all tensors are those of an optimizer's state, without the weights that it is of.
bool is_optimizer_state(std::span<const NamedShape> tensors);
/// What a file is that is no part of a model and lies beside its weights: "a LoRA", "the state of an
/// optimizer", "tensors that are no layers' (latents or embeddings)"; empty if nothing says so.
std::string_view bystander(std::span<const NamedShape> tensors);
/// What is said of a file that is not used: `FILE: not used: it is a LoRA, ...`.
std::string unused_bystander(std::string_view path, std::string_view kind);
/// Throws the Error(bad_input) for a LoRA in place of a component of that role, or, without one, of a model.
[[noreturn]] void refuse_lora(const Component& component, std::string_view role);

}  // namespace ditmill::registry
