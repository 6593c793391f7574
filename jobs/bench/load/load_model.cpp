#include "jobs/bench/load/load_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/list_text.h"
#include "jobs/bench/read_parallel.h"
#include "models/component_plan.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_folder.h"

namespace ditmill::jobs::bench {
namespace {

/// As a job has them, where the manifest says nothing: the VAE in float32.
configs::Dtype dtype_of(const registry::Component& component, const BenchLoadOptions& options) {
  if (options.dtype.empty() && component.role == "vae") return configs::Dtype::float32;
  return configs::dtype_named(options.dtype).value_or(configs::Dtype::bfloat16);
}

dist::ComponentPlan plan_of(const registry::Component& component, configs::Dtype dtype) {
  for (const models::Family* family : models::families()) {
    if (family->name() != component.identity.family) continue;
    try {
      return models::plan_component(*family, component, family->bind(component), dtype);
    } catch (const Error&) {
      break;  // what cannot be run can be loaded
    }
  }
  return {.name = component.name.empty() ? component.label : component.name,
          .hyper_parameters = nlohmann::json::object(),
          .dtype = dtype,
          .keep_float32 = {},
          .files = component.files};
}

}  // namespace

LoadedPlans plan_load(const BenchLoadOptions& options) {
  LoadedPlans plans;
  plans.parallel = read_parallel(options.parallel, 5);
  const registry::ModelFolder folder =
      registry::open_model_folder(options.model, registry::Catalog::known(options.catalog));
  std::string names;
  for (const registry::Component& component : folder.components) {
    extend_list(names, component.name);
    if (!options.component.empty() && component.name != options.component) continue;
    plans.components.push_back(plan_of(component, dtype_of(component, options)));
    plans.components.back().fsdp = component.role == "dit" && plans.parallel.fsdp;
    for (const registry::WeightFile& file : component.files) plans.bytes += file.size;
  }
  if (plans.components.empty()) {
    throw Error{std::vector<Problem>{{.message = "--component: the model has no such component",
                                      .expected = names,
                                      .got = printable(options.component, 80)}}};
  }
  return plans;
}

}  // namespace ditmill::jobs::bench
