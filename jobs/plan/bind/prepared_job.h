#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/dump.h"
#include "dist/mesh.h"
#include "dist/plan/plan.h"
#include "jobs/plan/manifest/manifest.h"
#include "models/cpu_kind.h"
#include "models/family.h"
#include "registry/component.h"

namespace ditmill::jobs::plan {

/// A job as far as headers tell, made by rank 0 (or on a login node): no byte of weight data has been read.
struct PreparedJob {
  ManifestSource source;
  Manifest manifest;
  nlohmann::json dump;                     ///< the one that --from-dump names; null: none
  int threads = 0;                         ///< a rank had when that dump was written; 0: not known
  const models::Family* family = nullptr;  ///< null for a rehearsal (model.noop)
  registry::ModelFolder folder;
  std::vector<configs::ExpertDump> experts;
  models::HyperParameters hyper_parameters;
  std::vector<dist::ComponentPlan> components;
  /// That its memory is planned for: this machine's, until the ranks' are known.
  models::CpuKind cpu = models::this_cpu();
  std::vector<Problem>
      warnings;  ///< of the model folder, the manifest and its list: the job runs all the same
};

/// What is said of warnings, a line each: the first 20, then how many more there are.
std::vector<std::string> warning_lines(const std::vector<Problem>& warnings);

/// What is said of fields that are kept and change nothing: the first 20, then how many more there are.
std::string metadata_line(const std::vector<std::string>& names);

/// Has a component's plan follow what a pipeline says of it: its type, and what of it comes and goes. A text
/// encoder's stage is over before others are loaded, and needs no pieces for that.
void choose(const configs::PipelineConfig& pipeline, dist::ComponentPlan& plan);

/// The job's mesh in a world. Throws Error(usage) where the degrees do not fit it.
dist::Mesh lay_out(const PreparedJob& job, int world);

/// The items of one size: what depends on sizes alone is computed once for each.
struct ItemsOfSize {
  configs::Request first;
  std::uint64_t items = 0;
};
std::vector<ItemsOfSize> items_by_size(const requests::ItemList& items);
/// Bytes of what `output` keeps of a clip: an estimate from above.
std::uint64_t clip_bytes(const PreparedJob& job, const configs::Request& request);
/// Bytes of results that the items of a job leave on disk: an estimate from above.
std::uint64_t disk_bytes(const PreparedJob& job);

}  // namespace ditmill::jobs::plan
