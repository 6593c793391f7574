#include "jobs/engine/authority/store_plan.h"

#include <nlohmann/json.hpp>

namespace ditmill::jobs::engine {
namespace {

nlohmann::json to_json(const results::VideoConfig& video) {
  return {{"crf", video.crf}, {"pix_fmt", name(video.pix_fmt)}};
}

}  // namespace

nlohmann::json to_json(const StorePlan& plan) {
  const results::StoreProvenance& provenance = plan.provenance;
  const results::OutputConfig& output = plan.output;
  return {{"run_directory", plan.run_directory},
          {"epoch", plan.epoch},
          {"output",
           {{"path", output.path},
            {"frames", output.frames},
            {"video", output.video ? to_json(*output.video) : nlohmann::json()},
            {"latents", output.latents},
            {"more", output.more},
            {"gzip", output.gzip},
            {"items_per_part",
             output.items_per_part ? nlohmann::json(*output.items_per_part) : nlohmann::json()}}},
          {"model_key_hash", provenance.model_key_hash},
          {"weights_digest", provenance.weights_digest},
          {"manifest_sha256", provenance.manifest_sha256},
          {"ditmill_version", provenance.ditmill_version},
          {"layer1", provenance.layer1},
          {"layer2", provenance.layer2},
          {"steps", provenance.steps},
          {"guidance", provenance.guidance},
          {"threads", provenance.threads}};
}

StorePlan store_plan_from_json(const nlohmann::json& json) {
  StorePlan plan;
  plan.run_directory = json.at("run_directory").get<std::string>();
  plan.epoch = json.at("epoch").get<int>();
  const nlohmann::json& output = json.at("output");
  plan.output.path = output.at("path").get<std::string>();
  plan.output.frames = output.at("frames").get<bool>();
  if (const nlohmann::json& video = output.at("video"); !video.is_null()) {
    plan.output.video = {
        .crf = video.at("crf").get<int>(),
        .pix_fmt = results::pixel_format_named(video.at("pix_fmt").get<std::string>()).value()};
  }
  plan.output.latents = output.at("latents").get<bool>();
  plan.output.more = output.at("more").get<std::set<std::string, std::less<>>>();
  plan.output.gzip = output.at("gzip").get<int>();
  if (!output.at("items_per_part").is_null()) {
    plan.output.items_per_part = output.at("items_per_part").get<int>();
  }
  plan.provenance = {.model_key_hash = json.at("model_key_hash").get<std::string>(),
                     .weights_digest = json.at("weights_digest").get<std::string>(),
                     .manifest_sha256 = json.at("manifest_sha256").get<std::string>(),
                     .ditmill_version = json.at("ditmill_version").get<std::string>(),
                     .layer1 = json.at("layer1"),
                     .layer2 = json.at("layer2"),
                     .steps = json.at("steps").get<int>(),
                     .guidance = json.at("guidance").get<double>(),
                     .threads = json.at("threads").get<int>()};
  return plan;
}

}  // namespace ditmill::jobs::engine
