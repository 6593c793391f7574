#include "jobs/engine/loading/loading.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "configs/dump.h"
#include "configs/size_text.h"
#include "dist/comm/agree.h"
#include "dist/weights/load.h"
#include "dist/weights/work_of_ranks.h"
#include "jobs/results/files/durable.h"
#include "models/kernels/fast.h"
#include "models/kernels/operators.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::jobs::engine {
namespace {

/// Opens a file of the model's: in the copy, if it is there and no other file than the model's.
class OpenWeights {
 public:
  explicit OpenWeights(const LoadPlan& plan) : copied_(plan.copied_folder), copy_(plan.weights_from) {}

  std::unique_ptr<registry::ByteSource> operator()(const std::string& path) const {
    const std::filesystem::path inside = std::filesystem::path{path}.lexically_relative(copied_);
    if (copy_.empty() || inside.empty() || *inside.begin() == "..") return registry::open_file(path);
    const std::string copy =
        inside == "." ? copy_ : (std::filesystem::path{copy_} / inside).lexically_normal().string();
    std::string why = "it is not the same file: size or time differ";
    try {
      if (stamp_of(copy) == stamp_of(path)) return registry::open_file(copy);
    } catch (const Error& error) {
      why = error.what();
    }
    if (warned_of_->first(copy)) spdlog::warn("the copy {} is of no use, so {} is read: {}", copy, path, why);
    return registry::open_file(path);
  }

 private:
  /// What is offloaded is opened again and again.
  class Warned {
   public:
    bool first(const std::string& path) {
      const std::scoped_lock lock(mutex_);
      return paths_.insert(path).second;
    }

   private:
    std::mutex mutex_;
    std::set<std::string> paths_;
  };

  static std::pair<std::uint64_t, std::int64_t> stamp_of(const std::string& file) {
    const registry::FileStamp stamp = registry::file_stamp(file);
    return {stamp.size, stamp.mtime_ns};
  }

  std::string copied_;
  std::string copy_;
  std::shared_ptr<Warned> warned_of_ = std::make_shared<Warned>();
};

void load_tokenizer(const dist::Communicator& comm, const LoadPlan& plan, Loading& loading) {
  std::string tokenizer;
  dist::agree(comm, [&] {
    if (comm.rank() == 0) tokenizer = results::durable::read_file(plan.tokenizer_path);
  });
  loading.model.tokenizer = comm.broadcast_text(std::move(tokenizer), 0, dist::Purpose::weights);
  const auto bytes = std::as_bytes(std::span{loading.model.tokenizer});
  const registry::FileDigest digest =
      registry::digest_file(*registry::memory_source(plan.tokenizer_path, bytes));
  loading.digests.push_back(
      {.name = "tokenizer", .key_hash = {}, .digest = registry::digest_root({&digest, 1}, "{}")});
}

}  // namespace

nlohmann::json to_json(const LoadPlan& plan) {
  nlohmann::json components = nlohmann::json::array();
  for (const dist::ComponentPlan& component : plan.components) components.push_back(dist::to_json(component));
  return {{"family", plan.family},
          {"pipeline", configs::dump_layer2(plan.pipeline)},
          {"components", components},
          {"tokenizer_path", plan.tokenizer_path},
          {"copied_folder", plan.copied_folder},
          {"weights_from", plan.weights_from}};
}

LoadPlan load_plan_from_json(const nlohmann::json& json) {
  LoadPlan plan;
  plan.family = json.at("family").get<std::string>();
  plan.pipeline = configs::pipeline_from_dump(json.at("pipeline"));
  for (const nlohmann::json& component : json.at("components")) {
    plan.components.push_back(dist::component_plan_from_json(component));
  }
  plan.tokenizer_path = json.at("tokenizer_path").get<std::string>();
  plan.copied_folder = json.at("copied_folder").get<std::string>();
  plan.weights_from = json.at("weights_from").get<std::string>();
  return plan;
}

std::vector<models::Phase> phases_of(const LoadPlan& plan) {
  models::HyperParameters all;
  for (const dist::ComponentPlan& each : plan.components) all[each.name] = each.hyper_parameters;
  return models::family_named(plan.family).phases(all);
}

bool takes_turns(const LoadPlan& plan) {
  return std::ranges::count(phases_of(plan), models::Phase::Kind::denoise, &models::Phase::kind) > 1;
}

void load_stage(const dist::Nodes& nodes, const LoadPlan& plan, LoadStage stage, const dist::Mesh& mesh,
                const at::Device& device, Loading& loading, const dist::Tell& tell) {
  loading.model.family = plan.family;
  loading.model.device = device;
  loading.model.numerics = plan.pipeline.numerics;
  const dist::Communicator& comm = nodes.world();
  dist::agree(comm, [&] { models::kernels::require(plan.pipeline.numerics, device); });
  if (plan.pipeline.numerics == configs::Numerics::fast && device.is_cpu() && comm.rank() == 0)
    spdlog::info("fast numerics by {}", models::kernels::fast::level_name());
  dist::LoadOptions options{
      .open = OpenWeights{plan}, .device = device, .read_again = [&comm](const Error& error) {
        if (comm.rank() == 0) spdlog::warn("{}; it is read once more", error.what());
      }};
  std::set<std::string, std::less<>> texts;
  for (const models::Phase& phase : phases_of(plan)) {
    if (phase.kind == models::Phase::Kind::texts)
      texts.insert(phase.components.begin(), phase.components.end());
  }
  for (const dist::ComponentPlan& component : plan.components) {
    if (texts.contains(component.name) != (stage == LoadStage::text)) continue;
    tell("loading " + component.name);
    options.strategy = plan.pipeline.loading;
    const dist::StrategyChoice choice = dist::choose_strategy(nodes, component, mesh, options);
    options.strategy = choice.strategy;
    options.readers = choice.readers;
    const std::uint64_t before = nodes.weight_bytes_given();
    dist::StreamedComponent streamed = dist::load_component(nodes, component, mesh, options);
    const std::uint64_t given = nodes.weight_bytes_given() - before;
    if (comm.rank() == 0) {
      spdlog::info("loaded {}: {} in {:.2f} s; {}: {}{}", component.name, gigabytes(streamed.bytes),
                   streamed.seconds, configs::name(choice.strategy), choice.why,
                   nodes.count() == 1 ? ""
                                      : fmt::format("; read by {} of {} machines", streamed.reading_machines,
                                                    nodes.count()));
    }
    LoadedComponent record{.name = component.name,
                           .choice = choice,
                           .bytes = streamed.bytes,
                           .seconds = streamed.seconds,
                           .reading_machines = streamed.reading_machines,
                           .work = dist::work_of_ranks(comm, streamed.work)};
    for (const std::string& bytes : comm.gather_text(std::to_string(given), 0, dist::Purpose::agreement)) {
      record.network_bytes += std::stoull(bytes);
    }
    loading.components.push_back(std::move(record));
    loading.bytes += streamed.bytes;
    loading.seconds += streamed.seconds;
    loading.digests.push_back(
        {.name = component.name,
         .key_hash = {},
         .digest = registry::digest_root(streamed.digests, component.hyper_parameters.dump())});
    loading.model.hyper_parameters[component.name] = component.hyper_parameters;
    loading.model.blocks[component.name] = std::move(streamed.blocks);
    loading.model.weights[component.name] = std::move(streamed.tensors);
    if (streamed.offloaded) loading.model.offloaded[component.name] = std::move(streamed.offloaded);
  }
  if (nodes.local().rank() == 0 && !nodes.ring_refused().empty())
    spdlog::warn("{}; each rank of this machine was sent its own copy of what is read", nodes.ring_refused());
  if (stage == LoadStage::text) load_tokenizer(comm, plan, loading);
}

}  // namespace ditmill::jobs::engine
