#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/dump.h"
#include "dist/mesh.h"
#include "dist/plan/plan.h"
#include "jobs/manifest/manifest.h"
#include "jobs/run/resume.h"
#include "jobs/selection.h"
#include "models/cpu_kind.h"
#include "models/family.h"
#include "registry/component.h"

namespace ditmill::jobs {

/// What the command line of `run` says.
struct RunOptions {
  std::string manifest;
  std::string from_dump;           ///< --from-dump FILE, instead of a manifest
  std::vector<std::string> sets;   ///< --set a.b.c=V, in order
  std::string run_dir;             ///< --run-dir; empty: output.path
  std::string weights_from;        ///< --weights-from: a copy of model.path; empty: none
  bool drop = false;               ///< --drop: forget items that vanished from the list
  Retry retry;                     ///< --retry failed,quarantined
  Selection selection;             ///< --only, --pilot, --shuffle
  int max_fails = 0;               ///< --max-fails; 0: any number
  int grace = 60;                  ///< --grace, seconds
  int np = 0;                      ///< --np: start so many ranks; 0: a launcher has
  int max_crashes = 0;             ///< --max-crashes, of --np
  std::string device = "auto";     ///< --device: auto, cpu or cuda
  bool skip_memory_check = false;  ///< --skip-memory-check
  int watchdog = 0;                ///< --watchdog, seconds; 0: off
  int threads = 0;                 ///< --threads; 0: allocated cores / local ranks
  bool check = false;              ///< --check
  int ranks = 0;                   ///< --ranks, of --check
  int ranks_per_machine = 0;       ///< --ranks-per-machine, of --check; 0: all
  bool json = false;
  std::string out;  ///< --out FILE
  std::string log_level = "info";
  std::string log_file;
};

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

/// Reads the manifest (or the dump), the prompt list and the headers of the weights, and binds them together.
/// Everything wrong with what the user wrote is added to `problems`; throws Error for a manifest or model
/// that cannot be read, and where output.video is asked for and cannot be made on this machine.
PreparedJob prepare_job(const RunOptions& options, std::vector<Problem>& problems);

/// What is said of warnings, a line each: the first 20, then how many more there are.
std::vector<std::string> warning_lines(const std::vector<Problem>& warnings);

/// What is said of fields that are kept and change nothing: the first 20, then how many more there are.
std::string metadata_line(const std::vector<std::string>& names);

/// The job's mesh in a world. Throws Error(usage) where the degrees do not fit it.
dist::Mesh lay_out(const PreparedJob& job, int world);

/// What `run --check --json` prints for a world of so many ranks: memory is to_json(MemoryPlan) of the rank
/// that takes most. `job` is usable even with problems; its degrees are chosen already.
nlohmann::json check_report(const PreparedJob& job, int world, std::vector<Problem> problems);
/// The items of one size: what depends on sizes alone is computed once for each.
struct ItemsOfSize {
  configs::Request first;
  std::uint64_t items = 0;
};
std::vector<ItemsOfSize> items_by_size(const ItemList& items);
/// Bytes of what `output` keeps of a clip: an estimate from above.
std::uint64_t clip_bytes(const PreparedJob& job, const configs::Request& request);
/// Bytes of results that the items of a job leave on disk: an estimate from above.
std::uint64_t disk_bytes(const PreparedJob& job);
/// Bytes of embeddings that lie on disk beside them while the job runs, with offload: stages.
std::uint64_t spool_bytes(const PreparedJob& job);

}  // namespace ditmill::jobs
