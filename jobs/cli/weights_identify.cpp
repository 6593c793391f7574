#include "jobs/cli/weights_identify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/cli/weights_as_diffusers.h"
#include "registry/identity/catalog.h"
#include "registry/identity/diffusers/recognise.h"
#include "registry/identity/fingerprint.h"
#include "registry/identity/model_folder.h"
#include "registry/tools/count_text.h"
#include "registry/tools/summary.h"

namespace ditmill::jobs::cli {
namespace {

using registry::Component;

constexpr std::size_t longest_shown = 400;

nlohmann::json to_json(const Component& component) {
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
  if (!identity.decided_by.empty()) object["decided_by"] = identity.decided_by;
  if (!identity.prefix.empty()) {
    object["prefix"] = identity.prefix;
    object["key_hash_bare"] = identity.key_hash_bare;
  }
  if (!identity.key_hash_flat.empty()) object["key_hash_flat"] = identity.key_hash_flat;
  if (!identity.type.empty()) object["type"] = identity.type;
  if (!identity.roles.empty()) object["roles"] = identity.roles;
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

void identify_path(const std::string& path, const registry::Catalog& catalog, Findings& findings) {
  try {
    registry::ModelPlaces places = registry::find_components(path, catalog);
    findings.warnings.insert(findings.warnings.end(), places.warnings.begin(), places.warnings.end());
    for (const registry::ComponentPlace& place : places.components) {
      try {
        Component component = registry::open_component(place, catalog, {}, findings.warnings);
        registry::recognise_by_cascade(component);
        findings.worst.unknown |=
            component.identity.how == "unknown" || !component.identity.candidates.empty();
        findings.objects.push_back(to_json(component));
      } catch (const Error& error) {
        findings.add(place.path, error);
      }
    }
  } catch (const Error& error) {
    findings.add(path, error);
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
  const registry::Catalog catalog = registry::Catalog::built_in();
  Findings findings;
  for (const std::string& path : options.paths) identify_path(path, catalog, findings);
  if (options.json) {
    out << findings.objects.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return findings.worst.code();
  }
  for (const nlohmann::json& object : findings.objects) print(object, out);
  for (const std::string& warning : findings.warnings)
    out << "warning: " << printable(warning, longest_shown) << "\n";
  return findings.worst.code();
}

}  // namespace ditmill::jobs::cli
