#include "jobs/run/foresee_resume.h"

#include <string>
#include <utility>
#include <vector>

#include "jobs/shard.h"

namespace ditmill::jobs {
namespace {

/// The components as the frozen identity has them, with the key hashes that the files have now.
std::vector<ComponentIdentity> components_of(const PreparedJob& job, const nlohmann::json& frozen) {
  std::vector<ComponentIdentity> components;
  if (job.family == nullptr) return components;
  for (const auto& [role, then] : frozen.at("components").items()) {
    ComponentIdentity component{
        .role = role, .key_hash = then.value("key_hash", ""), .digest = then.value("digest", "")};
    for (const registry::Component& now : job.folder.components) {
      if (now.role != role || now.identity.key_hash == component.key_hash) continue;
      component = {.role = role, .key_hash = now.identity.key_hash, .digest = "not read yet"};
    }
    components.push_back(std::move(component));
  }
  return components;
}

}  // namespace

std::optional<Reconciled> foresee_resume(const PreparedJob& job, ItemList items,
                                         const std::optional<Shard>& shard, const RunDirectory& run,
                                         bool drop) {
  require_same_shard(run, shard);
  const std::optional<FrozenJob> frozen = read_frozen_job(run);
  if (!frozen) return std::nullopt;
  nlohmann::json identity = frozen->identity;
  const bool noop_then = identity.is_object() && identity.value("components", nlohmann::json{}).empty();
  if (!identity.is_object() || noop_then != (job.family == nullptr)) {
    items.take_keys(frozen->items);  // keys cannot be compared, ids can
  } else {
    identity = job_identity(components_of(job, identity), job.manifest.pipeline);
    items.set_keys(ItemKeys{identity});
  }
  return reconcile(run, *frozen, identity, std::move(items), drop);
}

}  // namespace ditmill::jobs
