#include "jobs/submit/stage.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/model_definition.h"
#include "dist/liveness/process.h"
#include "jobs/plan/manifest/manifest.h"
#include "jobs/submit/staging/engine_path.h"
#include "jobs/submit/staging/program_files.h"
#include "jobs/submit/staging/staged_folder.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_folder.h"
#include "slurm/allocation.h"
#include "slurm/squeue.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;

/// The model whose weights are asked for.
configs::ModelDefinition model_of(const StageOptions& options) {
  if (!options.manifest.empty()) return plan::decode_model(plan::read_manifest(options.manifest));
  return {.path = fs::absolute(options.weights).lexically_normal().string(), .catalog = options.catalog};
}

/// The weight files of a model; what else of it is read is small. One that components share is copied once.
std::vector<StageFile> weight_files(const configs::ModelDefinition& model, const std::string& folder) {
  if (model.noop_seconds) return {};
  const registry::Catalog catalog = registry::Catalog::known(model.catalog);
  std::vector<StageFile> files;
  std::set<std::string> copies;
  for (const registry::Component& component : registry::open_model(model, catalog).components) {
    for (const registry::WeightFile& file : component.files) {
      std::string copy = fs::path{folder + file.path}.lexically_normal().string();
      if (copies.insert(copy).second) files.push_back({.from = file.path, .to = std::move(copy)});
    }
  }
  return files;
}

int remove(const StageOptions& options, const std::string& folder, const std::string& job,
           std::ostream& out) {
  const std::string host = dist::this_process().host;
  const std::vector<std::string> users = unstage_files(folder, job, slurm::job_lives);
  if (options.json) {
    out << nlohmann::json{{"node", host}, {"to", folder}, {"removed", users.empty()}, {"users", users}}.dump()
        << "\n";
  } else if (users.empty()) {
    out << fmt::format("{}: {} is removed\n", host, folder);
  } else {
    out << fmt::format("{}: {} stays: {} uses it\n", host, folder, fmt::join(users, ", "));
  }
  return 0;
}

}  // namespace

int stage(const StageOptions& options, std::ostream& out) {
  if (!fs::path{options.to}.is_absolute()) {
    throw Error{Category::usage, "stage files", Where{.key = "--to"}, Expected{"an absolute path"},
                Got{printable(options.to)}};
  }
  const std::string folder = (fs::path{options.to} / "").lexically_normal().parent_path().string();
  const std::string job = slurm::read_allocation().job_id;
  if (options.remove) return remove(options, folder, job, out);

  std::vector<StageFile> files;
  if (options.program) {
    files = program_files(fs::read_symlink("/proc/self/exe").string(), engine_path(), folder);
  }
  if (!options.weights.empty() || !options.manifest.empty()) {
    const std::vector<StageFile> more = weight_files(model_of(options), folder);
    files.insert(files.end(), more.begin(), more.end());
  }
  const Staged staged = stage_files(folder, files, job);
  const std::string host = dist::this_process().host;
  if (options.json) {
    out << nlohmann::json{{"node", host},
                          {"to", folder},
                          {"copied_bytes", staged.copied_bytes},
                          {"present_bytes", staged.present_bytes},
                          {"seconds", staged.seconds}}
               .dump()
        << "\n";
  } else {
    const double copied = 1e-9 * static_cast<double>(staged.copied_bytes);
    out << fmt::format("{}: {:.3f} GB copied to {} in {:.2f} s ({:.2f} GB/s), {:.3f} GB were there\n", host,
                       copied, folder, staged.seconds, copied / staged.seconds,
                       1e-9 * static_cast<double>(staged.present_bytes));
  }
  return 0;
}

}  // namespace ditmill::jobs::submit
