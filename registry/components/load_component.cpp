#include "registry/components/load_component.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "registry/components/component_class.h"
#include "registry/components/read_through.h"
#include "registry/components/small_files.h"
#include "registry/components/weight_choice.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/identify.h"
#include "registry/identity/name_map.h"
#include "registry/identity/packed.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

/// Opens the weights of a component, by the files that its loader chooses.
void open_weights_of(LoadedComponent& one, const ComponentRequest& request, const Catalog& catalog) {
  ComponentPlace place = request.place;
  std::vector<std::string> warnings;
  if (is_folder(place.path) && place.shards.empty()) {
    WeightChoice choice = choose_weights(place.path, *one.type);
    place.shards = std::move(choice.files);
    for (std::string& note : choice.notes) one.say(Severity::note, std::move(note));
  }
  one.component = open_component(place, catalog, {}, warnings);
  for (std::string& warning : warnings) one.say(Severity::warning, std::move(warning));
  if (one.component.identity.how == "unknown") refuse_training_state(one.component);
}

/// The layout to bind by: what the tensors are recognised as, else what their class should be.
const Layout* layout_for(LoadedComponent& one, const Catalog& catalog) {
  const Layout* layout = recognised_layout(one.component.identity, catalog);
  if (layout != nullptr && !layout->tensors.empty()) return layout;
  if (one.component.role == "lora" || one.class_name.empty()) return nullptr;
  layout = layout_by_class(one.component, catalog, one.class_name);
  if (layout != nullptr && one.component.identity.how == "unknown") {
    one.say(Severity::note, "bound as " + layout->architecture + " by its class, " + one.class_name +
                                ": its tensors lack some that tell");
  }
  return layout;
}

void say_names(LoadedComponent& one, Severity severity, const std::vector<std::string>& names,
               const std::string& what) {
  if (!names.empty()) one.say(severity, std::to_string(names.size()) + " " + what + ": " + some_names(names));
}

/// What the lists of tensors mean for a component of its type.
void judge_tensors(LoadedComponent& one) {
  const BoundTensors& tensors = one.tensors;
  const Severity missing =
      is_strict_of_missing(*one.type, one.class_name) ? Severity::error : Severity::warning;
  const Severity unexpected =
      is_strict_of_unexpected(*one.type, one.class_name) ? Severity::error : Severity::warning;
  say_names(one, missing, tensors.missing, "missing");
  if (!tensors.one_of.empty()) one.say(missing, "missing: one of " + some_names(tensors.one_of));
  say_names(one, unexpected, tensors.unexpected, "unexpected");
  for (std::size_t i = 0; i < tensors.misshapen.size(); ++i) {
    const Misshapen& each = tensors.misshapen[i];
    constexpr std::size_t most = 5;
    if (i == most) {
      one.say(Severity::error,
              "and " + std::to_string(tensors.misshapen.size() - most) + " more of other shapes");
      break;
    }
    one.say(Severity::error, printable(each.name) + " has the shape " + shape_text(each.got) + ", not " +
                                 shape_text(each.expected));
  }
  say_names(one, Severity::error, tensors.unscaled, "FP8 weights without a scale, which others have");
  say_names(one, Severity::note, tensors.passed_over, "known and not used");
}

void judge_identity(LoadedComponent& one) {
  const Identity& identity = one.component.identity;
  const std::string& role = one.component.role;
  if (role == "lora") {
    one.say(Severity::error, "a LoRA, which changes a model and is no component");
  } else if (!one.type->role.empty() && !role.empty() && role != one.type->role && role != "bundle") {
    one.say(Severity::error, "the weights are those of a " + role + ", not of a " +
                                 std::string{one.type->role} + ": they are in the wrong folder");
  }
  if (!identity.candidates.empty())
    one.say(Severity::note, "one of " + some_names(identity.candidates) + ": model.variants says which");
  if (!identity.prefix.empty())
    one.say(Severity::note, "its names are behind the prefix " + printable(identity.prefix));
}

/// Joins and names of layers, as a run makes them.
void try_names(LoadedComponent& one, const Layout& layout) {
  try {
    name_tensors(one.component, layout);
  } catch (const Error& error) {
    one.say(Severity::error, error.what());
  }
}

void bind_weights(LoadedComponent& one, const Catalog& catalog) {
  judge_identity(one);
  const Layout* layout = layout_for(one, catalog);
  one.architecture = layout != nullptr ? layout->architecture : one.component.identity.architecture;
  one.layout = layout != nullptr ? layout->layout : one.component.identity.layout;
  one.bound = layout != nullptr;
  if (layout != nullptr) {
    one.tensors = bind_tensors(one.component, *layout, sizes_of(one.component, *layout), *one.type);
    for (std::string& each : config_contradictions(one.component, *layout))
      one.say(Severity::error, std::move(each));
    const std::size_t said = one.findings.size();
    judge_tensors(one);
    // Its key hash says that names and shapes are those of its entry: it has another structure, and is whole.
    if (one.component.identity.how == "catalog") {
      for (std::size_t i = said; i < one.findings.size(); ++i) one.findings[i].severity = Severity::note;
    }
    try_names(one, *layout);
  } else if (one.component.identity.how == "catalog") {
    one.say(Severity::note, "all names and shapes are as published (by its key hash)");
  } else if (one.component.role != "lora") {
    // Nothing tells what should be there: of a type that must fit exactly, that is worth a warning.
    one.say(is_generic(*one.type) ? Severity::note : Severity::warning,
            "no architecture of the catalog has these tensors: keys cannot be checked");
  }
  check_architecture_class(one, layout, catalog);
}

void load_weights(LoadedComponent& one, const ComponentRequest& request, const Catalog& catalog) {
  open_weights_of(one, request, catalog);
  if (one.name.empty() && one.component.role != "lora") one.name = one.component.name;
  if (request.name.empty() && is_generic(*one.type)) one.type = &component_type_of_role(one.component.role);
  if (request.config_beside && one.component.config_path.empty() && is_folder(one.path))
    one.say(Severity::warning, "no config.json beside its weights");
  check_config_class(one);
  settle_class(one, catalog);
  one.quantization = fp8_kind(one.component);
  if (one.quantization.empty()) one.quantization = packed_as(one.component);
  bind_weights(one, catalog);
  if (!one.quantization.empty()) {
    one.say(Severity::note, "packed: " + one.quantization + ", " + std::to_string(one.tensors.scales.size()) +
                                " scales beside the weights");
  }
  if (request.read) one.read = read_through(one);
}

/// Whether there are weights, or should be.
bool has_weights_to_load(const LoadedComponent& one, const ComponentRequest& request) {
  if (one.type->needs == Needs::weights || !request.place.shards.empty() || !is_folder(one.path)) return true;
  return one.type->needs == Needs::nothing && holds_weights(one.path);
}

}  // namespace

LoadedComponent load_component(const ComponentRequest& request, const Catalog& catalog) {
  LoadedComponent one{.name = request.name,
                      .library = request.library,
                      .class_name = request.class_name,
                      .path = request.place.path,
                      .type = &component_type(request.name)};
  try {
    check_library(one);
    if (has_weights_to_load(one, request)) {
      load_weights(one, request, catalog);
    } else {
      read_small_files(one);
      check_config_class(one);
    }
  } catch (const Error& error) {
    one.cannot_read(error);
  }
  if (one.name.empty()) one.name = std::filesystem::path{one.path}.filename().native();
  return one;
}

}  // namespace ditmill::registry
