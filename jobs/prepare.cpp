#include "jobs/prepare.h"

#include <algorithm>
#include <filesystem>

#include "dist/mesh.h"
#include "jobs/memory_plan.h"
#include "registry/identity/catalog.h"
#include "registry/identity/model_folder.h"

namespace ditmill::jobs {
namespace {

/// An item's attributes, groups and checksums in its part, and its line in the index: measured at 9 KB.
constexpr std::uint64_t bytes_per_item = 16 << 10;

/// Opens the folder, insists that all of it is known, and binds every component to its family.
void bind_model(PreparedJob& job, const configs::ModelDefinition& model) {
  registry::Catalog catalog = registry::Catalog::built_in();
  if (!model.catalog.empty()) catalog.add_file(model.catalog);
  job.folder = registry::open_model_folder(model.path, catalog, model.variants);
  registry::require_known(job.folder, catalog);
  const models::Family& family = models::family_named(job.folder.component("dit").identity.family);
  for (const registry::Component& component : job.folder.components) {
    job.hyper_parameters[component.role] = family.bind(component);
  }
  family.check_together(job.hyper_parameters);
  if (job.folder.tokenizer_path.empty()) {
    throw Error{Category::not_found,
                "find the tokenizer",
                Where{.file = job.folder.path},
                Expected{"tokenizer/spiece.model"},
                Got{"no such file"},
                "copy the tokenizer folder of the original checkpoint beside the weights"};
  }
  job.family = &family;
}

std::vector<dist::ComponentPlan> plan_components(const PreparedJob& job) {
  std::vector<dist::ComponentPlan> plans;
  for (const registry::Component& component : job.folder.components) {
    const auto chosen = job.manifest.pipeline.components.find(component.role);
    dist::ComponentPlan plan{
        .role = component.role,
        .hyper_parameters = job.hyper_parameters.at(component.role),
        .dtype = chosen == job.manifest.pipeline.components.end() ? job.manifest.pipeline.dtype
                                                                  : chosen->second.dtype,
        .keep_float32 = {},
        .files = component.files,
    };
    for (const registry::WeightFile& file : component.files) {
      for (const registry::TensorInfo& tensor : file.tensors) {
        if (job.family->keeps_float32(component.role, tensor.name)) plan.keep_float32.push_back(tensor.name);
      }
    }
    std::sort(plan.keep_float32.begin(), plan.keep_float32.end());
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace

PreparedJob prepare_job(const RunOptions& options, std::vector<Problem>& problems) {
  PreparedJob job;
  job.source = read_manifest(options.manifest);
  job.source.sets = options.sets;
  if (!options.run_dir.empty()) job.source.run_dir = std::filesystem::absolute(options.run_dir).string();

  const PresetOf preset_of = [&job](const configs::ModelDefinition& model) -> std::string {
    if (model.noop_seconds) return {};
    bind_model(job, model);
    return job.folder.component("dit").identity.preset;
  };
  const CheckRequest check_request = [&job](const configs::Request& request) {
    return job.family == nullptr ? std::vector<Problem>{} : job.family->check_request(request);
  };
  job.manifest = decode_manifest(job.source, preset_of, check_request, problems);
  if (job.family != nullptr) job.components = plan_components(job);
  return job;
}

std::uint64_t disk_bytes(const PreparedJob& job) {
  std::uint64_t total = 0;
  for (const Item& item : job.manifest.items) {
    const configs::Request& request = item.request;
    total += bytes_per_item;
    if (job.manifest.output.frames) {
      total += std::uint64_t{3} * request.width * request.height * request.frames;
    }
    if (job.manifest.output.latents && job.family != nullptr) {
      std::uint64_t elements = 1;
      for (const std::int64_t extent : job.family->latent_shape(job.hyper_parameters, request)) {
        elements *= extent;
      }
      total += elements * sizeof(float);
    }
  }
  return total;
}

std::uint64_t spool_bytes(const PreparedJob& job) {
  const bool spools = job.manifest.pipeline.components.at("text_encoder").offload == configs::Offload::stages;
  return spools ? embedding_bytes(job) : 0;
}

nlohmann::json check_report(const PreparedJob& job, int world, std::vector<Problem> problems) {
  nlohmann::json report{{"items", job.manifest.items.size()},
                        {"world", world},
                        {"degrees", nlohmann::json::object()},
                        {"ranks", nlohmann::json::array()},
                        {"memory", nlohmann::json::object()},
                        {"disk_bytes", 0},
                        {"spool_bytes", 0},
                        {"problems", nlohmann::json::array()}};
  try {
    const dist::Mesh mesh{world, job.manifest.pipeline.parallel};
    for (const dist::Axis axis : dist::axes) report["degrees"][dist::name(axis)] = mesh.degree(axis);
    report["degrees"]["fsdp"] = job.manifest.pipeline.parallel.fsdp;
  } catch (const Error& error) {
    problems.push_back(to_problem(error));
  }
  std::uint64_t weights = 0;
  for (const dist::ComponentPlan& plan : job.components) weights += plan.bytes_per_rank();
  std::uint64_t activations = 0;
  if (problems.empty()) {
    const MemoryPlan memory = plan_memory(job);
    weights = memory.weights();
    for (const StageMemory& stage : memory.stages) activations = std::max(activations, stage.activations);
    report["memory"] = to_json(memory);
    report["disk_bytes"] = disk_bytes(job);
    report["spool_bytes"] = spool_bytes(job);
  }
  for (int rank = 0; rank < world; ++rank) {
    report["ranks"].push_back({{"weights_bytes", weights}, {"activation_bytes", activations}});
  }
  for (const Problem& problem : problems) {
    report["problems"].push_back({{"file", problem.file},
                                  {"line", problem.line},
                                  {"column", problem.column},
                                  {"message", problem.message},
                                  {"expected", problem.expected},
                                  {"got", problem.got},
                                  {"nearest", problem.nearest}});
  }
  return report;
}

}  // namespace ditmill::jobs
