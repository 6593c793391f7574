#include "jobs/submit/submit_freeze.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/overrides.h"
#include "configs/yaml_text.h"
#include "jobs/plan/manifest/manifest.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/submission.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;

/// The prompt list that the manifest names; empty: its items are in the manifest.
std::string list_of(const plan::PreparedJob& job) {
  const configs::YamlNode* requests = job.manifest.tree.find("requests");
  const configs::YamlNode* file = requests == nullptr ? nullptr : requests->find("file");
  return file == nullptr ? "" : plan::absolute_path(job.source.directory, file->text);
}

/// Whether a list may name pictures, relative to where it is.
bool takes_pictures(const plan::PreparedJob& job) {
  if (job.family == nullptr) return false;
  const auto lacking = job.family->lacking(job.hyper_parameters, models::Layer::request);
  return std::ranges::any_of(configs::family_request_fields(), [&lacking](const configs::Field& field) {
    return field.kind == configs::FieldKind::picture && !lacking.contains(field.name);
  });
}

/// What is read at the start of the job, and what it is made of.
struct Frozen {
  std::string manifest;  ///< its text
  std::string list;      ///< the file; empty: none
  std::string copy;      ///< of the list
};

Frozen frozen_of(const plan::PreparedJob& job, const results::RunDirectory& run) {
  Frozen frozen{.manifest = {}, .list = list_of(job), .copy = {}};
  plan::Manifest manifest;
  manifest.tree = job.manifest.tree;
  if (!frozen.list.empty()) {
    frozen.copy = run.submission() + "/prompts" + fs::path(frozen.list).extension().string();
    std::vector<Problem> none;
    const auto set = [&](const char* key, const std::string& path) {
      configs::apply_override(manifest.tree, key + ("=" + configs::yaml_quoted(path)), none);
    };
    set("requests.file", frozen.copy);
    const configs::YamlNode* requests = manifest.tree.find("requests");
    if (takes_pictures(job) && requests->find("directory") == nullptr)
      set("requests.directory", fs::path(frozen.list).parent_path().string());
  }
  manifest.output.path = job.manifest.output.path;
  frozen.manifest = plan::frozen_manifest(manifest, job.source.directory);
  return frozen;
}

bool is_same_file(const Frozen& frozen) {
  std::error_code failure;
  return fs::equivalent(frozen.list, frozen.copy, failure);
}

}  // namespace

void freeze(const plan::PreparedJob& job, const results::RunDirectory& run) {
  results::RunDirectory::make_folder(run.logs());
  const Frozen frozen = frozen_of(job, run);
  if (!frozen.list.empty() && !is_same_file(frozen)) {
    const std::string temp = frozen.copy + std::string(results::durable::temp_suffix);
    std::error_code failure;
    fs::copy_file(frozen.list, temp, fs::copy_options::overwrite_existing, failure);
    if (failure) throw system_error(failure.value(), "copy the prompt list", Where{.file = temp});
    results::durable::publish(temp, frozen.copy);
  }
  results::durable::write_file(run::SubmissionFiles{run}.manifest(), frozen.manifest);
}

bool is_frozen(const plan::PreparedJob& job, const results::RunDirectory& run) {
  const Frozen frozen = frozen_of(job, run);
  const std::string manifest = run::SubmissionFiles{run}.manifest();
  if (!fs::exists(manifest) || results::durable::read_file(manifest) != frozen.manifest) return false;
  if (frozen.list.empty() || is_same_file(frozen)) return true;
  return fs::exists(frozen.copy) &&
         results::durable::read_file(frozen.list) == results::durable::read_file(frozen.copy);
}

}  // namespace ditmill::jobs::submit
