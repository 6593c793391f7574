#include "registry/tools/synth.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "configs/error.h"
#include "configs/size_text.h"
#include "registry/formats/new_file.h"
#include "registry/formats/safetensors_writer.h"
#include "registry/formats/torch/pth_writer.h"
#include "registry/identity/folder_names.h"
#include "registry/tools/model_files.h"
#include "registry/tools/new_folder.h"
#include "registry/tools/synth_plan.h"
#include "registry/tools/synth_tokenizer.h"
#include "registry/tools/synth_values.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view safetensors_ending = ".safetensors";
constexpr std::uint64_t gigabyte = 1'000'000'000;

/// Tensors in their order, as many in each shard as fit it; one shard if all do.
std::vector<std::span<const NewTensor>> shards_of(const SynthComponent& component) {
  const std::span<const NewTensor> all = component.tensors;
  const std::uint64_t most = static_cast<std::uint64_t>(component.file.shard_gb) * gigabyte;
  std::vector<std::span<const NewTensor>> shards;
  std::size_t first = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t size = bytes_of(all[i]);
    if (most > 0 && i > first && bytes + size > most) {
      shards.push_back(all.subspan(first, i - first));
      first = i;
      bytes = 0;
    }
    bytes += size;
  }
  shards.push_back(all.subspan(first));
  return shards;
}

void write_text(const std::string& path, std::string_view text, std::vector<std::string>& written) {
  fs::create_directories(fs::path{path}.parent_path());
  NewFile file{path};
  file.write(text);
  file.publish();
  written.push_back(path);
}

class SynthWriter {
 public:
  SynthWriter(const SynthRequest& request, const SynthPlan& plan, std::string folder)
      : request_(request), plan_(plan), folder_(std::move(folder)) {}

  Synthesis write() {
    fs::create_directories(folder_);
    for (const SynthComponent& component : plan_.components) write_component(component);
    if (plan_.release != nullptr) write_model();
    if (plan_.unknown()) {
      done_.catalog = inside(folder_, "catalog.yaml");
      write_text(done_.catalog, synth_catalog(plan_), done_.files);
    }
    return std::move(done_);
  }

 private:
  bool diffusers() const { return plan_.layout == "diffusers"; }

  void write_file(const std::string& path, std::span<const NewTensor> tensors, const Layout& layout) {
    const TensorBytes give = [&](std::size_t index, TensorSink& sink) {
      const NewTensor& tensor = tensors[index];
      if (request_.sparse) {
        sink.zeros(bytes_of(tensor));
      } else {
        give_layers(tensor, layer_names(tensor.name, layout.pairs), sink);
      }
    };
    if (path.ends_with(safetensors_ending)) {
      write_safetensors(path, tensors, {}, give);
    } else {
      write_pth(path, tensors, give);
    }
  }

  /// The values of the layers' tensors that it holds, so that they are the same in every layout.
  void give_layers(const NewTensor& tensor, const std::vector<std::string>& layers, TensorSink& sink) const {
    NewTensor part = tensor;
    if (layers.size() > 1) part.shape.front() /= layers.size();
    for (const std::string& layer : layers) give_random(part, layer, request_.seed, sink);
    if (layers.empty()) give_random(part, tensor.name, request_.seed, sink);
  }

  void write_component(const SynthComponent& component) {
    const std::string folder = component.folder.empty() ? folder_ : inside(folder_, component.folder);
    fs::create_directories(folder);
    const std::vector<std::span<const NewTensor>> shards = shards_of(component);
    SynthWeights weights{.path = inside(folder, component.file.name), .name = component.entry->name};
    weights.tensors = component.tensors.size();
    for (const NewTensor& tensor : component.tensors) weights.bytes += bytes_of(tensor);
    if (shards.size() == 1) {
      write_file(weights.path, shards.front(), *component.layout);
    } else {
      const std::string stem =
          component.file.name.substr(0, component.file.name.size() - safetensors_ending.size());
      json index{{"metadata", {{"total_size", weights.bytes}}}, {"weight_map", json::object()}};
      for (std::size_t i = 0; i < shards.size(); ++i) {
        const std::string name =
            fmt::format("{}-{:05}-of-{:05}{}", stem, i + 1, shards.size(), safetensors_ending);
        write_file(inside(folder, name), shards[i], *component.layout);
        for (const NewTensor& tensor : shards[i]) index["weight_map"][tensor.name] = name;
      }
      weights.path += ".index.json";
      write_json_file(weights.path, index);
    }
    done_.weights.push_back(std::move(weights));
    write_config(component, folder);
  }

  void write_config(const SynthComponent& component, const std::string& folder) {
    const json config = component_config(*component.layout, json::parse(component.hyper_parameters));
    std::string class_name;
    if (!config.is_null()) {
      write_json_file(done_.files.emplace_back(inside(folder, "config.json")), config);
      class_name = config.value("_class_name", "");
    }
    if (component.slot != nullptr)
      placed_.push_back({component.slot->name, component.layout->architecture, std::move(class_name)});
  }

  /// What only whole models have.
  void write_model() {
    const FamilySlots& family = *plan_.family;
    const auto encoder = std::ranges::find_if(plan_.components, [](const SynthComponent& component) {
      return component.entry->role == "text_encoder";
    });
    if (encoder != plan_.components.end()) {
      const TokenizerFiles files =
          synthetic_tokenizer(json::parse(encoder->hyper_parameters).value("vocab", std::uint64_t{0}));
      const std::string folder =
          inside(folder_, family.tokenizer.folder(diffusers() ? "diffusers" : "official"));
      write_text(inside(folder, "spiece.model"), files.spiece_model, done_.files);
      write_text(inside(folder, "tokenizer.json"), files.tokenizer_json, done_.files);
      write_text(inside(folder, "tokenizer_config.json"), files.config_json, done_.files);
    }
    if (!diffusers()) return;
    write_settings(family, placed_, plan_.release, folder_, done_.files);
    write_json_file(done_.files.emplace_back(inside(folder_, "model_index.json")),
                    model_index(family, placed_, plan_.release));
  }

  const SynthRequest& request_;
  const SynthPlan& plan_;
  std::string folder_;
  std::vector<PlacedComponent> placed_;
  Synthesis done_;
};

}  // namespace

Synthesis synthesize(const SynthRequest& request, const Catalog& catalog) {
  NewFolder folder{request.out};
  const SynthPlan plan = plan_synth(request.like, request.layout, request.tiny, catalog);
  Synthesis done = SynthWriter{request, plan, folder.unfinished()}.write();
  folder.publish();
  for (SynthWeights& weights : done.weights) folder.settle(weights.path);
  for (std::string& file : done.files) folder.settle(file);
  folder.settle(done.catalog);
  return done;
}

json to_json(const Synthesis& synthesis) {
  json weights = json::array();
  for (const SynthWeights& each : synthesis.weights) {
    weights.push_back(
        {{"path", each.path}, {"name", each.name}, {"tensors", each.tensors}, {"bytes", each.bytes}});
  }
  return {{"weights", std::move(weights)},
          {"files", synthesis.files},
          {"catalog", synthesis.catalog.empty() ? json() : json(synthesis.catalog)}};
}

std::string synthesis_text(const Synthesis& synthesis) {
  std::string text;
  for (const SynthWeights& each : synthesis.weights) {
    text += fmt::format("{}: {}, {} tensors, {}\n", printable(each.path, 400), each.name, each.tensors,
                        size_text(static_cast<double>(each.bytes)));
  }
  text += fmt::format("and {} small files\n", synthesis.files.size());
  if (!synthesis.catalog.empty()) {
    text += "no catalog knows all of these weights: run them with model.catalog: " +
            printable(synthesis.catalog, 400) + "\n";
  }
  return text;
}

}  // namespace ditmill::registry
