#include "jobs/cli/weights_identify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/cli/json_text.h"
#include "jobs/cli/weights_as_diffusers.h"
#include "jobs/plan/bind/runnable.h"
#include "registry/identity/catalog.h"
#include "registry/identity/diffusers/recognise.h"
#include "registry/identity/fingerprint.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/lora.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/packed.h"
#include "registry/identity/path_pattern.h"
#include "registry/tools/count_text.h"
#include "registry/tools/summary.h"

namespace ditmill::jobs::cli {
namespace {

using registry::Component;

constexpr std::size_t longest_shown = 400;

/// What sets a LoRA apart.
void add_lora(nlohmann::json& object, const Component& component, const registry::Catalog& catalog) {
  const registry::LoraFacts facts = registry::lora_facts(registry::all_shapes(component), catalog);
  object["style"] = facts.style;
  object["rank"] =
      facts.ranks.size() == 1 ? nlohmann::json(facts.ranks.front()) : nlohmann::json(facts.ranks);
  object["targets"] = facts.targets;
  object["base"] = facts.bases;
}

nlohmann::json to_json(const Component& component, const registry::Catalog& catalog) {
  const registry::Identity& identity = component.identity;
  const registry::WeightSummary summary = registry::summarize(component);
  nlohmann::json object{{"path", component.label},
                        {"key_hash", identity.key_hash},
                        {"key_hash_names", identity.key_hash_names},
                        {"family", or_null(identity.family)},
                        {"variant", or_null(identity.variant)},
                        {"role", or_null(identity.role)},
                        {"layout", or_null(identity.layout)},
                        {"how", identity.how},
                        {"parameters", summary.parameters},
                        {"tensors", summary.tensors},
                        {"dtypes", summary.elements},
                        {"hyper_parameters", identity.hyper_parameters},
                        {"candidates", identity.candidates},
                        {"nearest", identity.nearest}};
  if (!identity.architecture.empty()) object["architecture"] = identity.architecture;
  if (!identity.decided_by.empty()) object["decided_by"] = identity.decided_by;
  if (!identity.prefix.empty()) {
    object["prefix"] = identity.prefix;
    object["key_hash_bare"] = identity.key_hash_bare;
  }
  if (!identity.key_hash_flat.empty()) object["key_hash_flat"] = identity.key_hash_flat;
  if (!identity.type.empty()) object["type"] = identity.type;
  if (!identity.roles.empty()) object["roles"] = identity.roles;
  if (identity.role == "lora") add_lora(object, component, catalog);
  if (const std::string packed = registry::packed_as(component); !packed.empty()) {
    const std::string fp8 = registry::fp8_kind(component);
    object["quantization"] = {{"type", fp8.empty() ? packed : fp8}};
  }
  const std::string why = plan::why_not_runnable(component, catalog);
  object["runnable"] = why.empty();
  if (!why.empty()) object["why"] = why;
  return object;
}

struct Findings {
  nlohmann::json objects = nlohmann::json::array();
  WorstFinding worst;
  std::vector<std::string> warnings;

  void add(const std::string& path, const Error& problem) {
    objects.push_back(unread_json(path, problem));
    worst.add(problem);
  }
};

void identify_place(const registry::ComponentPlace& place, const registry::Catalog& catalog,
                    Findings& findings) {
  try {
    Component component = registry::open_component(place, catalog, {}, findings.warnings);
    registry::recognise_by_cascade(component);
    if (component.identity.how == "unknown") registry::refuse_training_state(component);
    findings.worst.unknown |= component.identity.how == "unknown" || !component.identity.candidates.empty();
    findings.objects.push_back(to_json(component, catalog));
  } catch (const Error& error) {
    findings.add(place.path, error);
  }
}

void identify_group(const registry::WeightGroup& group, const registry::Catalog& catalog,
                    Findings& findings) {
  if (!group.shards.empty()) {
    identify_place({.path = group.label, .shards = group.shards, .folder_role = {}, .expert_folder = {}},
                   catalog, findings);
    return;
  }
  try {
    registry::ModelPlaces places = registry::find_components(group.label, catalog);
    findings.warnings.insert(findings.warnings.end(), places.warnings.begin(), places.warnings.end());
    for (const registry::ComponentPlace& place : places.components) identify_place(place, catalog, findings);
  } catch (const Error& error) {
    findings.add(group.label, error);
  }
}

std::string text_of(const nlohmann::json& value) {
  return value.is_null() ? "?" : value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const nlohmann::json& list) {
  return fmt::format("{}", fmt::join(list.get<std::vector<std::string>>(), ", "));
}

void print(const nlohmann::json& object, std::ostream& out) {
  out << printable(object.at("path").get<std::string>(), longest_shown) << "\n";
  if (object.contains("error")) {
    out << "  cannot be read: " << object.at("error").at("message").get<std::string>() << "\n";
    return;
  }
  std::string dtypes;
  for (const auto& [type, elements] : object.at("dtypes").items()) {
    extend_list(dtypes, type + " " + registry::short_count(elements.get<std::uint64_t>()));
  }
  const std::string how = object.at("how");
  out << "  " << text_of(object.at("family")) << " " << text_of(object.at("role")) << ", layout "
      << text_of(object.at("layout")) << ", "
      << (object.at("variant").is_null() ? "variant unknown" : "variant " + text_of(object.at("variant")))
      << " (by " << (how == "unknown" ? "nothing" : how)
      << (object.contains("decided_by")
              ? "; told from others of its hash by " + text_of(object.at("decided_by"))
              : "")
      << ")\n"
      << "  " << registry::short_count(object.at("parameters").get<std::uint64_t>()) << " parameters in "
      << object.at("tensors") << " tensors" << (dtypes.empty() ? "" : ": ") << dtypes << "\n"
      << "  key hash " << text_of(object.at("key_hash")) << ", of names "
      << text_of(object.at("key_hash_names")) << "\n";
  if (object.contains("prefix")) {
    out << "  behind the prefix " << printable(text_of(object.at("prefix")))
        << " of names or dictionaries: without it "
        << "key hash " << text_of(object.at("key_hash_bare")) << "\n";
  }
  if (!object.at("hyper_parameters").empty()) out << "  " << object.at("hyper_parameters").dump() << "\n";
  if (object.contains("roles")) out << "  in it: " << joined(object.at("roles")) << "\n";
  if (object.contains("type")) out << "  diffusers calls it " << text_of(object.at("type")) << "\n";
  if (!object.at("candidates").empty()) {
    // Those that a hash leaves are variants of the catalog; those of diffusers' rules are its types.
    out << "  one of " << joined(object.at("candidates"))
        << (how == "catalog" ? ": model.variants says which\n" : ": its values tell which\n");
  }
  if (object.contains("rank")) {
    out << "  LoRA in the style of " << text_of(object.at("style")) << ", rank " << text_of(object.at("rank"))
        << ", of " << (object.at("base").empty() ? "nothing known" : joined(object.at("base"))) << "\n"
        << "  changes " << joined(object.at("targets")) << "\n";
  }
  if (object.contains("quantization")) {
    out << "  quantized: " << text_of(object.at("quantization").at("type")) << "\n";
  }
  if (object.contains("why")) out << "  not run: " << text_of(object.at("why")) << "\n";
  for (const nlohmann::json& near : object.at("nearest")) {
    out << "  near " << registry::describe_difference(near) << "\n";
  }
}

}  // namespace

nlohmann::json or_null(std::string_view text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

nlohmann::json unread_json(const std::string& path, const Error& error) {
  const std::optional<std::uint64_t> offset = error.where().offset;
  return {{"path", path},
          {"error",
           {{"category", std::string{name(error.category())}},
            {"message", error.what()},
            {"offset", offset ? nlohmann::json(*offset) : nlohmann::json(nullptr)}}}};
}

int weights_identify(const IdentifyOptions& options, std::ostream& out) {
  if (options.as == "diffusers") return weights_as_diffusers(options, out);
  const registry::Catalog catalog = registry::Catalog::known(options.catalog);
  Findings findings;
  std::vector<std::string> paths;
  for (const std::string& path : options.paths)
    std::ranges::move(registry::expand_pattern(path), std::back_inserter(paths));
  for (const registry::WeightGroup& group : registry::group_shards(paths))
    identify_group(group, catalog, findings);
  if (options.json) {
    out << json_text(findings.objects);
    return findings.worst.code();
  }
  for (const nlohmann::json& object : findings.objects) print(object, out);
  say_warnings(findings.warnings, out);
  return findings.worst.code();
}

}  // namespace ditmill::jobs::cli
