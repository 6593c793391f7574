#include "registry/identity/diffusers/recognise.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "registry/identity/diffusers/corrections.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/prefix.h"
#include "registry/key_hash.h"

namespace ditmill::registry {
namespace {

// contracts.md's, longest first, and the dictionary that training leaves around a model.
constexpr std::array<std::string_view, 6> shared_prefixes{
    "model.diffusion_model.", "diffusion_model.", "_orig_mod.", "state_dict.", "module.", "model."};

struct BundledPart {
  std::string_view prefix;
  std::string_view role;
};
constexpr std::array bundled_parts{
    BundledPart{"model.diffusion_model.", "dit"},
    BundledPart{"cond_stage_model.", "text_encoder"},
    BundledPart{"conditioner.", "text_encoder"},
    BundledPart{"text_encoders.", "text_encoder"},
    BundledPart{"text_encoder.", "text_encoder"},
    BundledPart{"first_stage_model.", "vae"},
    BundledPart{"vae.", "vae"},
    BundledPart{"audio_vae.", "audio_decoder"},
    BundledPart{"vocoder.", "vocoder"},
};

/// The prefix that all names share; of the dictionary: that any has, as nothing beside it is the model's.
std::string_view shared_prefix(const ShapeTable& shapes) {
  const auto shared = std::ranges::find_if(shared_prefixes, [&](std::string_view prefix) {
    const auto has = [prefix](const NamedShape& tensor) { return tensor.name.starts_with(prefix); };
    return prefix == "state_dict." ? std::ranges::any_of(shapes.tensors(), has)
                                   : !shapes.tensors().empty() && std::ranges::all_of(shapes.tensors(), has);
  });
  return shared == shared_prefixes.end() ? std::string_view{} : *shared;
}

/// The roles in one file, by the beginnings of names; `own`: of names that begin in none of these ways.
std::vector<std::string> roles_in(const ShapeTable& shapes, std::string_view own) {
  std::vector<std::string> roles;
  for (const NamedShape& tensor : shapes.tensors()) {
    const auto part = std::ranges::find_if(
        bundled_parts, [&](const BundledPart& one) { return tensor.name.starts_with(one.prefix); });
    const bool loose =
        tensor.name.find('.') == std::string_view::npos;  // of no layer, as a schedule's `betas`
    const std::string_view role = part != bundled_parts.end() ? part->role : loose ? "" : own;
    if (!role.empty() && std::ranges::find(roles, role) == roles.end()) roles.emplace_back(role);
  }
  std::ranges::sort(roles);
  return roles;
}

void fill(Identity& identity, const CorrectedType& found, const ShapeTable& shapes) {
  identity.how = "fingerprint";
  identity.family = found.family;
  if (found.types.size() == 1) identity.type = found.types.front()->name;
  if (found.types.size() > 1) {
    for (const DiffusersType* type : found.types) identity.candidates.emplace_back(type->name);
  }
  std::vector<std::string> roles = roles_in(shapes, found.role);
  if (roles.size() > 1) {
    identity.role = "bundle";
    identity.roles = std::move(roles);
  } else if (!roles.empty()) {
    identity.role = roles.front();
  }
}

}  // namespace

void recognise_by_cascade(Component& component) {
  Identity& identity = component.identity;
  if (identity.how != "unknown") return;
  ShapeTable shapes{all_shapes(component)};
  std::optional<CorrectedType> found = corrected_type(shapes, component.label);
  if (found) fill(identity, *found, shapes);
  std::string prefix;
  for (std::string_view next; !(next = shared_prefix(shapes)).empty();) {
    prefix += next;
    shapes = ShapeTable{behind(shapes, next)};
    if (found) continue;
    found = corrected_type(shapes, component.label);
    if (found) fill(identity, *found, shapes);
  }
  if (!found || prefix.empty()) return;
  identity.prefix = std::move(prefix);
  identity.key_hash_bare = key_hash(shapes.tensors());
}

}  // namespace ditmill::registry
