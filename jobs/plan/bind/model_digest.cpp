#include "jobs/plan/bind/model_digest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "configs/error.h"
#include "jobs/plan/bind/bind_model.h"
#include "registry/identity/model_folder.h"

namespace ditmill::jobs::plan {
namespace {

const registry::FileDigest& digest_of(const std::string& path,
                                      std::span<const registry::DigestedFile> files) {
  const auto found = std::ranges::find(files, path, &registry::DigestedFile::path);
  if (found == files.end()) throw Error{Category::internal, "digest a model", Where{.file = path}};
  return found->digest;
}

}  // namespace

registry::ModelDigest digest_of_model(const std::string& path, const registry::Catalog& catalog,
                                      std::span<const registry::DigestedFile> files) {
  registry::ModelDigest model{.path = path, .digest = {}, .components = {}, .why = {}};
  try {
    const registry::ModelFolder folder = registry::open_model_folder(path, catalog);
    registry::require_known(folder, catalog);
    const BoundFolder bound = bind_folder(folder);
    for (const registry::Component& component : folder.components) {
      std::vector<registry::FileDigest> digests;
      for (const registry::WeightFile& file : component.files) digests.push_back(digest_of(file.path, files));
      model.components[component.name] =
          registry::digest_root(digests, bound.hyper_parameters.at(component.name).dump());
    }
    model.components["tokenizer"] =
        registry::digest_root({&digest_of(folder.tokenizer_path, files), 1}, "{}");
    model.digest = registry::model_digest(model.components);
  } catch (const Error& error) {
    if (exit_code(error.category()) != 1) throw;
    model.components.clear();
    model.why = error.what();
  }
  return model;
}

}  // namespace ditmill::jobs::plan
