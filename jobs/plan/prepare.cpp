#include "jobs/plan/prepare.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <set>

#include "configs/declared_fields.h"
#include "jobs/plan/bind/bind_model.h"
#include "jobs/plan/bind/long_texts.h"
#include "jobs/plan/bind/scheduler_settings.h"
#include "jobs/plan/bind/weights_dump.h"
#include "jobs/plan/manifest/from_dump.h"
#include "jobs/plan/memory/memory_plan.h"
#include "jobs/results/export/video.h"
#include "models/component_plan.h"
#include "models/tokenizers/read_tokenizer.h"

namespace ditmill::jobs::plan {
namespace {

/// Reads the tokenizer, and warns where it and the text encoder's embedding are of different sizes: an item
/// that uses a token without a row fails, the others are what they would be.
std::unique_ptr<const models::Tokenizer> read_tokenizer(PreparedJob& job) {
  std::unique_ptr<const models::Tokenizer> tokenizer = models::read_tokenizer(job.folder.tokenizer_path);
  // Embeddings are padded to a round number of rows; another family's tokenizer is far from that.
  constexpr std::int64_t padding = 1024;
  const std::int64_t rows = job.family->text_limits(job.hyper_parameters).vocabulary;
  if (tokenizer->vocabulary() > rows || tokenizer->vocabulary() < rows - padding) {
    job.warnings.push_back(
        {.file = job.folder.tokenizer_path,
         .message = "it may be the tokenizer of another model: take the one of the text encoder",
         .expected = "about as many tokens as the rows of the embedding of " +
                     job.folder.component("text_encoder").label + ", and no more: " + std::to_string(rows),
         .got = std::to_string(tokenizer->vocabulary())});
  }
  return tokenizer;
}

std::vector<dist::ComponentPlan> plan_components(const PreparedJob& job) {
  std::vector<dist::ComponentPlan> plans;
  for (const registry::Component& component : job.folder.components) {
    const configs::PipelineConfig& pipeline = job.manifest.pipeline;
    plans.push_back(models::plan_component(*job.family, component, job.hyper_parameters.at(component.name),
                                           pipeline.dtype));
    choose(pipeline, plans.back());
    plans.back().fsdp = component.role == "dit" && pipeline.parallel.fsdp;
  }
  return plans;
}

/// What a list may say of pictures means nothing without a model, which may take none.
std::set<std::string, std::less<>> picture_fields() {
  std::set<std::string, std::less<>> names;
  for (const configs::Field& field : configs::family_request_fields()) {
    if (field.kind == configs::FieldKind::picture) names.insert(field.name);
  }
  return names;
}

/// What a bound model says of the manifest's other layers. The job outlives it.
ModelFacts facts_of_model(const PreparedJob& job) {
  std::vector<std::string> names;
  for (const registry::Component& component : job.folder.components) names.push_back(component.name);
  return {.preset = job.folder.component("transformer").identity.preset,
          .components = std::move(names),
          .pipeline = settings_of_index(job.folder.path),
          .lacking_pipeline = job.family->lacking(job.hyper_parameters, models::Layer::pipeline),
          .lacking_requests = job.family->lacking(job.hyper_parameters, models::Layer::request),
          .lacking_outputs = job.family->lacking_outputs(),
          .size_of_picture =
              [&job](int width, int height, std::int64_t area) {
                return job.family->size_of_picture(job.hyper_parameters, width, height, area);
              },
          .required_requests = job.family->required(job.hyper_parameters)};
}

}  // namespace

PreparedJob prepare_job(const RunOptions& options, std::vector<Problem>& problems) {
  PreparedJob job;
  std::optional<DumpedJob> dumped;
  if (options.from_dump.empty()) {
    job.source = read_manifest(options.manifest);
    job.source.sets = options.sets;
  } else {
    dumped = read_dump(options.from_dump, options.sets, problems);
    if (!problems.empty()) return job;
    job.source = dumped->source;
  }
  std::unique_ptr<const models::Tokenizer> tokenizer;
  if (!options.run_dir.empty()) job.source.run_dir = std::filesystem::absolute(options.run_dir).string();

  const FactsOf facts_of = [&](const configs::ModelDefinition& model) -> ModelFacts {
    if (model.noop_seconds) return {.as_metadata = picture_fields()};
    bind_model(job, model);
    tokenizer = read_tokenizer(job);
    if (dumped) {
      require_same_weights(dumped->dump.at("layer1_model_definition"), weights_dump(job), model.path);
    }
    return facts_of_model(job);
  };
  const CheckRequest check_request = [&job](const configs::Request& request) {
    return job.family == nullptr ? std::vector<Problem>{}
                                 : job.family->check_request(job.hyper_parameters, request);
  };
  job.manifest = decode_manifest(job.source, facts_of, check_request, problems);
  std::ranges::move(job.manifest.warnings, std::back_inserter(job.warnings));
  for (std::string& warning : scheduler_warnings(job.folder.path, job.manifest.pipeline))
    job.warnings.push_back({.message = std::move(warning)});
  if (tokenizer != nullptr) {
    std::ranges::move(
        long_text_warnings(job.manifest, *tokenizer, job.family->encodings(job.manifest.pipeline),
                           job.family->text_limits(job.hyper_parameters).tokens),
        std::back_inserter(job.warnings));
  }
  // Before anything is loaded: nodes are alike, so what this one cannot encode no rank can.
  if (job.manifest.output.video && problems.empty()) results::VideoLibrary{};
  if (dumped) {
    settle_dump(*dumped, job.manifest);
    job.dump = std::move(dumped->dump);
    job.threads = dumped->threads;
  }
  if (job.family != nullptr) {
    job.family->settle(job.manifest.pipeline);
    job.components = plan_components(job);
    if (problems.empty()) {
      place_pipeline_problems(job.manifest, job.source.file,
                              job.family->check_pipeline(job.hyper_parameters, job.manifest.pipeline),
                              problems);
    }
    place_degree_problems(job.manifest, job.source.file,
                          job.family->check_degrees(job.hyper_parameters, job.manifest.pipeline.parallel),
                          problems);
  }
  return job;
}

std::uint64_t spool_bytes(const PreparedJob& job) {
  const bool spools = job.manifest.pipeline.components.at("text_encoder").offload.any();
  return spools ? embedding_bytes(job) : 0;
}

}  // namespace ditmill::jobs::plan
