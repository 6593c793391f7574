#include "jobs/manifest/prepare.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>

#include "dist/mesh.h"
#include "jobs/export/video.h"
#include "jobs/manifest/bind_model.h"
#include "jobs/manifest/from_dump.h"
#include "jobs/manifest/long_texts.h"
#include "jobs/manifest/weights_dump.h"
#include "jobs/memory/rank_plans.h"
#include "models/component_plan.h"
#include "models/tokenizers/tokenizer.h"

namespace ditmill::jobs {
namespace {

/// An item's attributes, groups and checksums in its part, and its line in the index: measured at 9 KB.
constexpr std::uint64_t bytes_per_item = 16 << 10;

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
    const auto chosen = job.manifest.pipeline.components.find(component.role);
    plans.push_back(models::plan_component(*job.family, component, job.hyper_parameters.at(component.role),
                                           chosen == job.manifest.pipeline.components.end()
                                               ? job.manifest.pipeline.dtype
                                               : chosen->second.dtype));
    plans.back().fsdp = component.role == "dit" && job.manifest.pipeline.parallel.fsdp;
  }
  return plans;
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

  const PresetOf preset_of = [&](const configs::ModelDefinition& model) -> std::string {
    if (model.noop_seconds) return {};
    bind_model(job, model);
    tokenizer = read_tokenizer(job);
    if (dumped) {
      require_same_weights(dumped->dump.at("layer1_model_definition"), weights_dump(job), model.path);
    }
    return job.folder.component("dit").identity.preset;
  };
  const CheckRequest check_request = [&job](const configs::Request& request) {
    return job.family == nullptr ? std::vector<Problem>{} : job.family->check_request(request);
  };
  job.manifest = decode_manifest(job.source, preset_of, check_request, problems);
  std::ranges::move(job.manifest.warnings, std::back_inserter(job.warnings));
  if (tokenizer != nullptr) {
    std::ranges::move(
        long_text_warnings(job.manifest, *tokenizer, job.family->text_limits(job.hyper_parameters).tokens),
        std::back_inserter(job.warnings));
  }
  // Before anything is loaded: nodes are alike, so what this one cannot encode no rank can.
  if (job.manifest.output.video && problems.empty()) VideoLibrary{};
  if (dumped) {
    settle_dump(*dumped, job.source, job.manifest);
    job.dump = std::move(dumped->dump);
    job.threads = dumped->threads;
  }
  if (job.family != nullptr) {
    job.components = plan_components(job);
    place_degree_problems(job.source,
                          job.family->check_degrees(job.hyper_parameters, job.manifest.pipeline.parallel),
                          problems);
  }
  return job;
}

std::vector<std::string> warning_lines(const std::vector<Problem>& warnings) {
  constexpr std::size_t most = 20;
  std::vector<std::string> lines;
  for (const Problem& warning : warnings) {
    if (lines.size() == most) {
      lines.push_back("and " + std::to_string(warnings.size() - most) + " more warnings");
      break;
    }
    lines.push_back(describe(warning));
  }
  return lines;
}

std::string metadata_line(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  constexpr std::size_t max_shown = 80;
  std::string line;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    line += (i > 0 ? ", " : "") + printable(names[i], max_shown);
  }
  if (names.size() > most) line += " and " + std::to_string(names.size() - most) + " more";
  return line + ": kept with the items, without effect";
}

dist::Mesh lay_out(const PreparedJob& job, int world) {
  try {
    return dist::Mesh{world, job.manifest.pipeline.parallel};
  } catch (const Error& error) {
    if (job.dump.is_null()) throw;
    throw with_dump_hint(error);
  }
}

std::vector<ItemsOfSize> items_by_size(const ItemList& items) {
  std::map<std::array<int, 3>, std::pair<std::size_t, std::uint64_t>> sizes;  // first, how many
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PackedItem& item = items.packed()[i];
    ++sizes.try_emplace({item.width, item.height, item.frames}, i, 0).first->second.second;
  }
  std::vector<ItemsOfSize> result;
  for (const auto& [size, found] : sizes) result.push_back({items[found.first].request, found.second});
  return result;
}

std::uint64_t clip_bytes(const PreparedJob& job, const configs::Request& request) {
  const OutputConfig& output = job.manifest.output;
  std::uint64_t bytes = 0;
  if (output.frames) bytes += std::uint64_t{3} * request.width * request.height * request.frames;
  if (output.video) bytes += most_video_bytes(*output.video, request);
  if (output.latents && job.family != nullptr) {
    std::uint64_t elements = 1;
    for (const std::int64_t extent : job.family->latent_shape(job.hyper_parameters, request)) {
      elements *= static_cast<std::uint64_t>(extent);
    }
    bytes += elements * sizeof(float);
  }
  return bytes;
}

std::uint64_t disk_bytes(const PreparedJob& job) {
  std::uint64_t total = 0;
  for (const auto& [request, items] : items_by_size(job.manifest.items)) {
    total += items * (bytes_per_item + clip_bytes(job, request));
  }
  return total;
}

std::uint64_t spool_bytes(const PreparedJob& job) {
  const bool spools = job.manifest.pipeline.components.at("text_encoder").offload == configs::Offload::stages;
  return spools ? embedding_bytes(job) : 0;
}

namespace {

nlohmann::json problems_report(const std::vector<Problem>& problems) {
  nlohmann::json report = nlohmann::json::array();
  for (const Problem& problem : problems) {
    report.push_back({{"file", problem.file},
                      {"line", problem.line},
                      {"column", problem.column},
                      {"message", problem.message},
                      {"expected", problem.expected},
                      {"got", problem.got},
                      {"nearest", problem.nearest}});
  }
  return report;
}

nlohmann::json rank_report(const MemoryPlan& plan) {
  std::uint64_t activations = 0;
  for (const StageMemory& stage : plan.stages) activations = std::max(activations, stage.activations);
  return {{"weights_bytes", plan.weights()}, {"activation_bytes", activations}, {"peak_bytes", plan.peak()}};
}

}  // namespace

nlohmann::json check_report(const PreparedJob& job, int world, std::vector<Problem> problems) {
  nlohmann::json report{{"items", job.manifest.items.size()},
                        {"world", world},
                        {"degrees", nlohmann::json::object()},
                        {"ranks", nlohmann::json::array()},
                        {"memory", nlohmann::json::object()},
                        {"disk_bytes", 0},
                        {"spool_bytes", 0},
                        {"warnings", problems_report(job.warnings)}};
  std::optional<dist::Mesh> mesh;
  try {
    mesh = lay_out(job, world);
    for (const dist::Axis axis : dist::axes) report["degrees"][dist::name(axis)] = mesh->degree(axis);
    report["degrees"]["fsdp"] = job.manifest.pipeline.parallel.fsdp;
  } catch (const Error& error) {
    problems.push_back(to_problem(error));
  }
  if (problems.empty()) {
    const RankPlans plans = plan_ranks(job, *mesh);
    for (int rank = 0; rank < world; ++rank) report["ranks"].push_back(rank_report(plans.of(rank)));
    report["memory"] = to_json(plans.largest());
    report["disk_bytes"] = disk_bytes(job);
    report["spool_bytes"] = spool_bytes(job);
  }
  report["problems"] = problems_report(problems);
  return report;
}

}  // namespace ditmill::jobs
