#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "configs/model_definition.h"
#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/digest_cache.h"
#include "jobs/requests/items/item.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::plan {

/// Which weights a job has, by the digests of their bytes: those that its run directory remembers of files
/// that have not changed since, then those that came out of loading them.
class WeightsIdentity {
 public:
  /// Of a rehearsal, which has no weights.
  WeightsIdentity() = default;
  /// Of a job that has some, none of which is read yet. Throws Error: not_found, io.
  WeightsIdentity(const PreparedJob& job, const results::RunDirectory& run);

  bool known() const noexcept { return by_name_.empty() || !components_.empty(); }
  /// By name, the tokenizer too; empty until the digests are known.
  const std::vector<requests::ComponentIdentity>& components() const noexcept { return components_; }
  /// The root of the whole model: over the roots of its components, in the order of their names.
  std::string model_digest() const;

  /// Takes over what loading digested, and has the run directory remember it. `weights_from`: the copy that
  /// was read, for the message; empty: none. Throws Error(bad_input) if these are not the bytes that were
  /// remembered, and io, no_space.
  void accept(std::span<const requests::ComponentIdentity> loaded, const std::string& weights_from,
              const results::RunDirectory& run);

  /// Throws Error(usage) if the definition pins other weights; it names the components that are not those of
  /// the dump, if the job was made of one (else null).
  void require_pinned(const configs::ModelDefinition& model, const nlohmann::json& dump) const;

 private:
  struct Subject {
    std::string key_hash;  ///< empty for the tokenizer
    DigestSubject digested;
  };
  std::map<std::string, Subject, std::less<>> by_name_;
  std::vector<requests::ComponentIdentity> components_;
};

}  // namespace ditmill::jobs::plan
