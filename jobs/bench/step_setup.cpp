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
#include "models/wan/degrees.h"
#include "models/wan/sizes.h"
#include "registry/identity/catalog.h"

namespace ditmill::jobs::bench {
namespace {

/// The hyper-parameters of a transformer that the catalog knows.
models::wan::Dims dims_of(const std::string& model) {
  const registry::Catalog catalog = registry::Catalog::built_in();
  std::vector<std::string> names;
  for (const registry::CatalogEntry& entry : catalog.entries()) {
    if (entry.family != "wan" || entry.role != "dit" || entry.layout != "diffusers") continue;
    names.push_back(entry.name);
    if (entry.name != model) continue;
    const nlohmann::json& known = entry.hyper_parameters;
    models::wan::Dims dims;
    dims.dim = known.at("dim");
    dims.heads = known.at("heads");
    dims.head_dim = dims.dim / dims.heads;
    dims.ffn_dim = known.at("ffn");
    dims.layers = known.at("layers");
    dims.in_channels = known.at("in_channels");
    dims.out_channels = known.at("out_channels");
    dims.text_dim = known.at("text_dim");
    dims.freq_dim = known.at("freq_dim");
    return dims;
  }
  throw Error{std::vector<Problem>{{.message = "--model: no transformer of the catalog",
                                    .expected = fmt::format("{}", fmt::join(names, ", ")),
                                    .got = printable(model, 80),
                                    .nearest = configs::nearest(model, names)}}};
}

void add_flag_names(std::vector<Problem>& problems, std::vector<Problem> more) {
  for (Problem& problem : more) {
    problem.message.insert(0, "--");
    problems.push_back(std::move(problem));
  }
}

}  // namespace

StepSetup read_step_setup(const BenchStepOptions& options) {
  StepSetup setup;
  setup.dims = dims_of(options.model);
  setup.dtype = configs::dtype_named(options.dtype).value_or(configs::Dtype::bfloat16);
  setup.guidance = options.guidance;
  setup.parallel = read_parallel(options.parallel, options.guidance);
  setup.request.width = options.width;
  setup.request.height = options.height;
  setup.request.frames = options.frames;

  std::vector<Problem> problems;
  const std::int64_t layers = options.layers.value_or(setup.dims.layers);
  if (layers < 1 || layers > setup.dims.layers) {
    problems.push_back({.message = "--layers is not of this model",
                        .expected = "1 to " + std::to_string(setup.dims.layers),
                        .got = std::to_string(layers)});
  } else {
    setup.dims.layers = layers;
  }
  add_flag_names(problems, models::wan::check_sizes(setup.request));
  // There is no text encoder here to run out of heads.
  add_flag_names(problems,
                 models::wan::check_degrees(
                     setup.dims, {.heads = setup.dims.heads, .ffn_dim = setup.dims.ffn_dim}, setup.parallel));
  if (!options.peer.empty() && setup.parallel.group_size() * setup.parallel.dp.value_or(1) > 1) {
    problems.push_back({.message = "--peer runs on one rank", .expected = "no degrees in --parallel"});
  }
  if (!problems.empty()) throw Error{std::move(problems)};
  setup.latent = models::wan::latent_shape(setup.dims, setup.request);
  return setup;
}

models::wan::Transformer make_transformer(const StepSetup& setup, const dist::ParallelContext& parallel,
                                          RandomWeights weights) {
  const models::WeightsView view(std::move(weights.tensors), "random weights");
  models::wan::Transformer transformer(view, setup.dims, parallel,
                                       {std::move(weights.layouts), setup.parallel.reshard_after_forward});
  view.finish();
  return transformer;
}

}  // namespace ditmill::jobs::bench
