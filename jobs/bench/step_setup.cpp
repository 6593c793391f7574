#include "jobs/bench/step_setup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "configs/suggest.h"
#include "jobs/bench/read_parallel.h"
#include "registry/identity/catalog.h"
#include "registry/tools/model_files.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

const models::Family* family_of(const registry::CatalogEntry& entry) {
  const auto families = models::families();
  const auto found = std::ranges::find_if(
      families, [&](const models::Family* family) { return family->name() == entry.family; });
  return found == families.end() ? nullptr : *found;
}

/// A transformer that the catalog states in the names of the layers.
struct Stated {
  const registry::CatalogEntry* entry = nullptr;
  const registry::Layout* layout = nullptr;
  const models::Family* family = nullptr;
};

Stated stated_transformer(const registry::Catalog& catalog, const std::string& model) {
  std::vector<std::string> names;
  for (const registry::CatalogEntry& entry : catalog.entries()) {
    const Stated stated{.entry = &entry, .layout = catalog.layout_of(entry), .family = family_of(entry)};
    if (entry.role != "dit" || stated.family == nullptr) continue;
    if (stated.layout == nullptr || !stated.layout->names_layers()) continue;
    if (!registry::expand(*stated.layout, entry.hyper_parameters)) continue;
    if (entry.name == model) return stated;
    names.push_back(entry.name);
  }
  throw Error{std::vector<Problem>{{.message = "--model: no transformer of the catalog",
                                    .expected = fmt::format("{}", fmt::join(names, ", ")),
                                    .got = printable(model, 80),
                                    .nearest = configs::nearest(model, names)}}};
}

registry::Component component_of(const Stated& stated, const json& hyper_parameters) {
  registry::Component component;
  component.name = step_component;
  component.role = stated.entry->role;
  component.label = stated.entry->name + ", random weights";
  registry::Identity& identity = component.identity;
  identity.family = stated.entry->family;
  identity.variant = stated.entry->name;
  identity.role = stated.entry->role;
  identity.layout = stated.layout->layout;
  identity.architecture = stated.layout->architecture;
  identity.hyper_parameters = hyper_parameters;
  registry::WeightFile& file = component.files.emplace_back();
  auto expected = registry::expand(*stated.layout, hyper_parameters);
  for (registry::ExpectedTensor& tensor : expected.value()) {
    if (tensor.optional) continue;
    file.tensors.push_back({.name = std::move(tensor.name),
                            .type = registry::ElementType::f32,
                            .shape = std::move(tensor.shape)});
  }
  return component;
}

void add_flag_names(std::vector<Problem>& problems, std::vector<Problem> more) {
  for (Problem& problem : more) {
    problem.message.insert(0, "--");
    problems.push_back(std::move(problem));
  }
}

}  // namespace

StepSetup read_step_setup(const BenchStepOptions& options) {
  const registry::Catalog catalog = registry::Catalog::known(options.catalog);
  const Stated stated = stated_transformer(catalog, options.model);
  StepSetup setup;
  setup.family = stated.family;
  configs::PipelineConfig& pipeline = setup.pipeline;
  pipeline.guidance_scale = options.guidance;
  pipeline.parallel = read_parallel(options.parallel, options.guidance);
  pipeline.components[step_component].dtype =
      configs::dtype_named(options.dtype).value_or(configs::Dtype::bfloat16);
  pipeline.numerics = configs::numerics_named(options.numerics).value_or(configs::Numerics::reference);
  setup.request.width = options.width;
  setup.request.height = options.height;
  setup.request.frames = options.frames;

  std::vector<Problem> problems;
  json stated_sizes = stated.entry->hyper_parameters;
  const auto layers = stated_sizes.value("layers", std::int64_t{0});
  if (options.layers && (*options.layers < 1 || *options.layers > layers)) {
    problems.push_back({.message = "--layers is not of this model",
                        .expected = "1 to " + std::to_string(layers),
                        .got = std::to_string(*options.layers)});
  } else if (options.layers) {
    stated_sizes["layers"] = *options.layers;
  }
  setup.component = component_of(stated, stated_sizes);
  setup.config = registry::component_config(*stated.layout, stated_sizes);
  setup.hyper_parameters[step_component] = setup.family->bind(setup.component);
  add_flag_names(problems, setup.family->check_request(setup.hyper_parameters, setup.request));
  add_flag_names(problems, setup.family->check_degrees(setup.hyper_parameters, pipeline.parallel));
  if (!options.peer.empty() && pipeline.parallel.group_size() * pipeline.parallel.dp.value_or(1) > 1) {
    problems.push_back({.message = "--peer runs on one rank", .expected = "no degrees in --parallel"});
  }
  if (!problems.empty()) throw Error{std::move(problems)};
  setup.latent = setup.family->latent_shape(setup.hyper_parameters, setup.request);
  return setup;
}

}  // namespace ditmill::jobs::bench
