#include "jobs/plan/foresee_resume.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "configs/component_name.h"
#include "jobs/plan/weights_identity.h"
#include "jobs/results/files/free_space.h"
#include "jobs/results/files/frozen_shard.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::jobs::plan {
namespace {

/// The components as the frozen identity has them, with the key hashes that the files have now, and with the
/// tokenizer, which is small enough to be read.
std::vector<requests::ComponentIdentity> components_of(const PreparedJob& job, const nlohmann::json& frozen) {
  std::map<std::string, requests::ComponentIdentity, std::less<>> by_name;
  if (const auto found = frozen.find("components"); found != frozen.end()) {
    const nlohmann::json components = configs::by_component_name(*found);
    for (const auto& [name, then] : components.items()) {
      by_name[name] = {
          .name = name, .key_hash = then.value("key_hash", ""), .digest = then.value("digest", "")};
    }
  }
  for (const registry::Component& now : job.folder.components) {
    const auto then = by_name.find(now.name);
    if (then != by_name.end() && then->second.key_hash == now.identity.key_hash) continue;
    by_name[now.name] = {.name = now.name, .key_hash = now.identity.key_hash, .digest = "not read yet"};
  }
  const registry::FileDigest digest = registry::digest_file(*registry::open_file(job.folder.tokenizer_path));
  by_name["tokenizer"] = {
      .name = "tokenizer", .key_hash = {}, .digest = registry::digest_root({&digest, 1}, "{}")};
  std::vector<requests::ComponentIdentity> components;
  for (auto& [name, component] : by_name) components.push_back(std::move(component));
  return components;
}

}  // namespace

void require_place(const results::RunDirectory& run) {
  const std::string there = results::nearest_existing(run.path());
  const bool folder = std::filesystem::is_directory(there);
  if (folder && ::access(there.c_str(), W_OK | X_OK) == 0) return;
  throw system_error(folder ? errno : ENOTDIR, "make a folder of the run directory", Where{.file = there});
}

std::optional<run::Reconciled> foresee_resume(const PreparedJob& job, requests::ItemList&& items,
                                              const std::optional<requests::Shard>& shard,
                                              const results::RunDirectory& run, bool drop) {
  results::require_same_shard(run, shard);
  const WeightsIdentity weights = job.family == nullptr ? WeightsIdentity{} : WeightsIdentity{job, run};
  if (weights.known()) weights.require_pinned(job.manifest.model, job.dump);
  const std::optional<run::FrozenJob> frozen = run::read_frozen_job(run);
  if (!frozen) return std::nullopt;
  nlohmann::json identity = frozen->identity;
  if (!weights.known() && !identity.is_object()) {
    items.take_keys(frozen->items);  // keys cannot be compared, ids can
  } else {
    identity = requests::job_identity(weights.known() ? weights.components() : components_of(job, identity),
                                      job.manifest.pipeline);
    items.set_keys(requests::ItemKeys{identity});
  }
  return run::reconcile(run, *frozen, identity, std::move(items), drop);
}

}  // namespace ditmill::jobs::plan
