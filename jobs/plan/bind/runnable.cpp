#include "jobs/plan/bind/runnable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "configs/error.h"
#include "models/family.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/packed.h"

namespace ditmill::jobs::plan {

std::string why_not_runnable(const registry::Component& component, const registry::Catalog& catalog) {
  const registry::Identity& identity = component.identity;
  if (identity.role == "lora") return "it is a LoRA, and this version merges none into the weights";
  if (!identity.candidates.empty()) {
    return fmt::format("it may be {}: model.variants says which", fmt::join(identity.candidates, " or "));
  }
  if (identity.variant.empty()) return "no entry of the catalog names it";
  try {
    registry::Component named = component;
    registry::name_layers(named, catalog);
    registry::refuse_packed(named);
    models::family_named(identity.family).bind(named);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace ditmill::jobs::plan
