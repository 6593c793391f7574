#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/identity/catalog_text.h"
#include "registry/identity/fingerprint.h"
#include "registry/identity/model_folder.h"

namespace ditmill::registry {
namespace {

/// Tries what would be done with a folder if its catalog had more entries. What is wrong then is thrown: no
/// entry helps.
void try_entries(const ModelFolder& folder, const Catalog& catalog, const std::string& entries,
                 const Trial& trial) {
  Catalog with_entries = catalog;
  with_entries.add_text(entries, "the entries to add");
  try {
    trial(open_model(folder.source, with_entries));
  } catch (const Error& error) {
    std::string hint = error.hint();
    if (hint.empty() && error.category() == Category::bad_input) {
      hint =
          "the weights are those of a changed model, and no catalog entry lets this version compute with "
          "them: use "
          "the base model's weights";
    } else if (hint.find("catalog entry") != std::string::npos) {
      hint += " (`ditmill registry template` writes one)";
    }
    throw Error{error.with({.hint = std::move(hint)})};
  }
}

/// The message for components that the catalog does not know, with all that is needed to add them.
[[noreturn]] void refuse_unknown(const ModelFolder& folder, std::span<const Component* const> unknown,
                                 const Catalog& catalog, const Trial& trial) {
  std::string hashes;
  std::string hint;
  bool writable = true;
  for (const Component* component : unknown) {
    const Identity& identity = component->identity;
    extend_list(hashes, component->label + " with key hash " + identity.key_hash);
    for (const nlohmann::json& near : identity.nearest) {
      hint += "\n  nearest to " + component->label + " is " + describe_difference(near);
    }
    if (identity.nearest.empty())
      hint += "\n  nothing in the catalog shares a tensor with " + component->label;
    writable = writable && !identity.family.empty();
  }
  if (writable) {
    const std::string entries = catalog_text(
        unknown, catalog, free_name(folder.path.empty() ? unknown.front()->label : folder.path, catalog));
    if (trial) try_entries(folder, catalog, entries, trial);
    hint += "\n  if the weights are right, put this into a file of your own and name it as model.catalog:\n" +
            entries + "# the entry ends here";
  }
  throw Error{Category::unknown_model,
              "recognise the weights",
              Where{.file = folder.path},
              Expected{"weights that the catalog knows"},
              Got{hashes},
              "they are not run unless an entry names them" + hint};
}

/// The components that no entry of the catalog names. LoRAs are none: no entry could.
std::vector<const Component*> unknown_in(const ModelFolder& folder) {
  std::vector<const Component*> unknown;
  for (const Component& component : folder.components) {
    const Identity& identity = component.identity;
    const bool named = !identity.variant.empty() || !identity.candidates.empty();
    if (component.role != "lora" && !named) unknown.push_back(&component);
  }
  return unknown;
}

}  // namespace

void require_known(const ModelFolder& folder, const Catalog& catalog, const Trial& trial) {
  const std::vector<const Component*> unknown = unknown_in(folder);
  if (!unknown.empty()) refuse_unknown(folder, unknown, catalog, trial);
  for (const Component& component : folder.components) {
    if (component.identity.candidates.empty()) continue;
    const std::string candidates = fmt::format("{}", fmt::join(component.identity.candidates, ", "));
    throw Error{Category::usage,
                "recognise the weights",
                Where{.file = component.label},
                Expected{"weights of one variant"},
                Got{"key hash " + component.identity.key_hash + ", which is that of " + candidates},
                "say which: model: {variants: {" + component.name + ": " +
                    component.identity.candidates.front() + "}}"};
  }
}

}  // namespace ditmill::registry
