#include "registry/tools/convert_folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/formats/new_file.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/weight_listing.h"
#include "registry/tools/convert_config.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view transformer = "transformer";
constexpr std::string_view second_transformer = "transformer_2";
constexpr std::string_view tokenizer_folder = "tokenizer";
constexpr std::string_view official_tokenizer_folder = "google/umt5-xxl";
constexpr std::string_view model_index = "model_index.json";
constexpr std::string_view config_name = "config.json";
constexpr std::uintmax_t largest_copied = std::uintmax_t{64} << 20;  // tokenizers have 17 MB

/// Where the weights of an architecture are in a model folder.
struct Slot {
  std::string_view architecture;
  std::string_view subfolder;
  std::string_view file;  ///< in it, in diffusers' layout
  std::string_view official_file;
  std::string_view library;
  std::string_view class_name;
};
constexpr std::array<Slot, 4> slots{{
    {"wan_dit", transformer, "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors",
     "diffusers", "WanTransformer3DModel"},
    {"umt5", "text_encoder", "model.safetensors", "models_t5_umt5-xxl-enc-bf16.pth", "transformers",
     "UMT5EncoderModel"},
    {"wan_vae", "vae", "diffusion_pytorch_model.safetensors", "Wan2.1_VAE.pth", "diffusers",
     "AutoencoderKLWan"},
    {"wan_vae_22", "vae", "diffusion_pytorch_model.safetensors", "Wan2.2_VAE.pth", "diffusers",
     "AutoencoderKLWan"},
}};

const Slot* slot_of(std::string_view architecture) {
  const auto found = std::ranges::find(slots, architecture, &Slot::architecture);
  return found == slots.end() ? nullptr : &*found;
}

/// A config.json that has no place of its own in the official layout.
std::string config_beside(const std::string& weights) { return weights + "." + std::string{config_name}; }

std::string_view pipeline_class(const nlohmann::json& hyper_parameters) {
  if (hyper_parameters.contains("vace_layers")) return "WanVACEPipeline";
  return hyper_parameters.value("in_channels", 0) == hyper_parameters.value("out_channels", 0)
             ? "WanPipeline"
             : "WanImageToVideoPipeline";
}

}  // namespace

std::string TargetFolder::subfolder_of(const Component& component, const ComponentPlace& place) const {
  if (!place.expert_folder || place.expert_folder->empty()) return std::string{transformer};
  for (const CatalogEntry& entry : catalog_.entries()) {
    if (entry.name == component.identity.variant && entry.layout == layout_ && !entry.expert_folders.empty())
      return entry.expert_folders.front();
  }
  const bool second = *place.expert_folder == second_transformer || *place.expert_folder == "low_noise_model";
  if (diffusers_) return std::string{second ? second_transformer : transformer};
  return second ? "low_noise_model" : "high_noise_model";
}

std::string TargetFolder::place_for(const Component& component, const ComponentPlace& place,
                                    const Layout& from) {
  const Slot* slot = slot_of(from.architecture);
  if (slot == nullptr) {
    throw Error{Category::unsupported,          "convert a model folder",
                Where{.file = component.label}, Expected{"a transformer, text encoder or VAE of Wan"},
                Got{from.architecture},         "convert the others one by one, in a folder without it"};
  }
  const bool dit = slot->subfolder == transformer;
  const bool expert = dit && place.expert_folder && !place.expert_folder->empty();
  const std::string subfolder = dit ? subfolder_of(component, place) : std::string{slot->subfolder};
  const std::string folder = diffusers_ || expert ? inside(folder_, subfolder) : folder_;
  fs::create_directories(folder);
  std::string file = inside(folder, diffusers_ ? slot->file : slot->official_file);
  placed_.emplace_back(subfolder, from.architecture);
  if (dit) pipeline_class_ = pipeline_class(component.identity.hyper_parameters);
  const std::string beside = config_beside(component.files.front().path);
  const std::string config =
      is_there(beside) && (dit || component.config_path.empty()) ? beside : component.config_path;
  if (dit && config != beside) {
    // It has the fields of its own layout; the way back finds it beside the weights.
    write_json(inside(folder, config_name),
               transformer_config(component.config, component.identity.hyper_parameters, diffusers_));
    if (!config.empty()) copy(config, config_beside(file));
  } else if (!config.empty()) {
    copy(config, diffusers_ || dit ? inside(folder, config_name) : config_beside(file));
  }
  return file;
}

void TargetFolder::write_json(const std::string& path, const nlohmann::json& value) {
  NewFile file{path};
  file.write(value.dump(2) + "\n");
  file.publish();
  copied_.push_back(path);
}

void TargetFolder::copy(const std::string& from, const std::string& to) {
  fs::create_directories(fs::path{to}.parent_path());
  fs::copy_file(from, to);
  copied_.push_back(to);
}

void TargetFolder::finish(const ModelPlaces& places, std::vector<std::string>& copied) {
  const std::string tokenizer =
      places.tokenizer_path.empty() ? "" : fs::path{places.tokenizer_path}.parent_path().native();
  const auto is_component = [&places](const fs::path& path) {
    return std::ranges::any_of(places.components,
                               [&path](const ComponentPlace& place) { return path == fs::path{place.path}; });
  };
  for (auto entry = fs::recursive_directory_iterator{places.path};
       entry != fs::recursive_directory_iterator{}; ++entry) {
    const std::string path = entry->path().native();
    const std::string name = entry->path().filename().native();
    if (entry->is_directory()) {
      if (is_leftover(name) || is_component(path)) entry.disable_recursion_pending();
      continue;
    }
    const bool top = entry.depth() == 0;
    const bool placed =
        name == model_index || name.ends_with("." + std::string{config_name}) || (top && name == config_name);
    if (placed || is_leftover(name) || is_weight_name(name) || is_shard_index(name) ||
        !entry->is_regular_file() || entry->file_size() > largest_copied)
      continue;
    const bool in_tokenizer = !tokenizer.empty() && fs::path{path}.parent_path() == tokenizer;
    const std::string_view moved = diffusers_ ? tokenizer_folder : official_tokenizer_folder;
    copy(path, in_tokenizer ? inside(inside(folder_, moved), name)
                            : inside(folder_, fs::path{path}.lexically_relative(places.path).native()));
  }
  if (diffusers_ && is_there(inside(places.path, model_index))) {
    copy(inside(places.path, model_index), inside(folder_, model_index));
  } else if (diffusers_) {
    write_index();
  }
  copied = copied_;
}

void TargetFolder::write_index() {
  nlohmann::json index{{"_class_name", pipeline_class_}};
  for (const auto& [subfolder, architecture] : placed_) {
    const Slot& slot = *slot_of(architecture);
    index[subfolder] = {slot.library, slot.class_name};
  }
  if (is_folder(inside(folder_, tokenizer_folder)))
    index[tokenizer_folder] = {"transformers", "T5TokenizerFast"};
  if (is_folder(inside(folder_, "scheduler"))) index["scheduler"] = {"diffusers", "UniPCMultistepScheduler"};
  write_json(inside(folder_, model_index), index);
}

}  // namespace ditmill::registry
