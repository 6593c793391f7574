#include "jobs/plan/weights_identity.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "configs/component_name.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/digest.h"

namespace ditmill::jobs::plan {
namespace {

/// Where the weights are not those of a dump: " (vae)"; empty if the dump does not tell.
std::string other_components(const nlohmann::json& dump,
                             const std::vector<requests::ComponentIdentity>& components) {
  if (dump.is_null()) return {};
  std::string names;
  for (const nlohmann::json& model : dump.at("layer1_model_definition").at("models")) {
    for (const requests::ComponentIdentity& component : components) {
      const bool other =
          configs::component_named(model.at("name").get<std::string_view>()) == component.name &&
          model.at("digest") != component.digest;
      if (other) extend_list(names, component.name);
    }
  }
  return names.empty() ? "" : " (" + names + ")";
}

}  // namespace

WeightsIdentity::WeightsIdentity(const PreparedJob& job, const results::RunDirectory& run) {
  for (const dist::ComponentPlan& plan : job.components) {
    const registry::Component& component = job.folder.component(plan.name);
    by_name_[plan.name] = {
        .key_hash = component.identity.key_hash,
        .digested = {.files = stamped_files(component), .hyper_parameters = plan.hyper_parameters.dump()}};
  }
  by_name_["tokenizer"] = {
      .key_hash = {}, .digested = {.files = {stamped(job.folder.tokenizer_path)}, .hyper_parameters = "{}"}};

  const DigestCache memory = DigestCache::read(run);
  std::vector<requests::ComponentIdentity> recalled;
  for (const auto& [name, subject] : by_name_) {
    const std::optional<std::string> root = memory.recall(name, subject.digested);
    if (!root) return;
    recalled.push_back({.name = name, .key_hash = subject.key_hash, .digest = *root});
  }
  components_ = std::move(recalled);
}

std::string WeightsIdentity::model_digest() const {
  std::map<std::string, std::string, std::less<>> roots;
  for (const requests::ComponentIdentity& component : components_) roots[component.name] = component.digest;
  return registry::model_digest(roots);
}

void WeightsIdentity::accept(std::span<const requests::ComponentIdentity> loaded,
                             const std::string& weights_from, const results::RunDirectory& run) {
  DigestCache memory;
  std::vector<requests::ComponentIdentity> accepted;
  for (const auto& [name, subject] : by_name_) {
    const auto found = std::find_if(loaded.begin(), loaded.end(),
                                    [&name = name](const auto& digest) { return digest.name == name; });
    if (found == loaded.end()) throw Error{Category::internal, "digest the weights", {}, {}, Got{name}};
    accepted.push_back({.name = name, .key_hash = subject.key_hash, .digest = found->digest});
    memory.remember(name, subject.digested, found->digest);
  }
  for (std::size_t i = 0; i < components_.size(); ++i) {
    const requests::ComponentIdentity& now = accepted[i];
    if (components_[i].digest == now.digest) continue;
    throw Error{Category::bad_input,
                "compare the weights with those of earlier starts",
                Where{.file = by_name_.at(now.name).digested.files.front().path},
                Expected{components_[i].digest},
                Got{now.digest},
                "the bytes of the " + now.name + " changed although size, time and inode did not: " +
                    (weights_from.empty() ? std::string{"the file"}
                                          : "the file, or its copy in " + weights_from + ",") +
                    " or its disk is damaged"};
  }
  components_ = std::move(accepted);
  memory.write(run);
}

void WeightsIdentity::require_pinned(const configs::ModelDefinition& model,
                                     const nlohmann::json& dump) const {
  if (model.digest.empty() || model.digest == model_digest()) return;
  throw Error{Category::usage,
              "compare the weights with model.digest",
              Where{.file = model.path},
              Expected{model.digest},
              Got{model_digest()},
              "these are other weights" + other_components(dump, components_) +
                  " than the manifest or dump pins, or their files are damaged"};
}

}  // namespace ditmill::jobs::plan
