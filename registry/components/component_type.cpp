#include "registry/components/component_type.h"

#include <algorithm>
#include <array>

#include "configs/number_text.h"

namespace ditmill::registry {
namespace {

using Words = std::span<const std::string_view>;

template <std::size_t count>
using Row = std::array<std::string_view, count>;

constexpr Row<1> of_diffusers{"diffusers"};
constexpr Row<1> of_transformers{"transformers"};
constexpr Row<1> of_fastvideo{"fastvideo"};
// Pipelines of diffusers also have modules of their own ("ltx2").
constexpr Row<3> of_sound{"diffusers", "fastvideo", "ltx2"};
constexpr Row<2> of_processors{"transformers", "diffusers"};

constexpr Row<5> weight_kinds{".safetensors", ".bin", ".pt", ".pth", ".ckpt"};
constexpr Row<1> weight_config{"config.json"};
constexpr Row<1> scheduler_config{"scheduler_config.json"};
constexpr Row<2> picture_config{"preprocessor_config.json", "config.json"};
constexpr Row<3> processor_config{"processor_config.json", "preprocessor_config.json", "config.json"};
constexpr Row<6> tokenizer_files{"spiece.model", "tokenizer.json", "tokenizer.model",
                                 "vocab.json",   "vocab.txt",      "sentencepiece.bpe.model"};

// The halves of a checkpoint that its encoder does not use.
constexpr Row<2> text_halves{"decoder.", "lm_head."};
constexpr Row<4> picture_halves{"text_model.", "text_projection.", "visual_projection.", "logit_scale"};
// FastVideo is strict with the first two; ditmill computes with the last.
constexpr Row<3> strict_vaes{"AutoencoderKL", "AutoencoderKLMiniMaxH3", "AutoencoderKLWan"};

constexpr Row<3> transformers{"transformer", "transformer_ref", "sr_transformer"};
constexpr Row<2> vaes{"vae", "light_vae"};
constexpr Row<1> text_encoders{"text_encoder"};
constexpr Row<1> image_encoders{"image_encoder"};
constexpr Row<1> tokenizers{"tokenizer"};
constexpr Row<2> schedulers{"scheduler", "audio_scheduler"};
constexpr Row<2> picture_processors{"image_processor", "feature_extractor"};
constexpr Row<1> processors{"processor"};
constexpr Row<1> language_encoders{"vision_language_encoder"};
constexpr Row<4> upsamplers{"upsampler", "spatial_upsampler", "temporal_upsampler", "latent_upsampler"};
constexpr Row<2> sound_decoders{"audio_vae", "audio_decoder"};
constexpr Row<1> vocoders{"vocoder"};
constexpr Row<1> conditioners{"conditioner"};
constexpr Row<1> all_connectors{"connectors"};

constexpr ComponentType weights_of(std::string_view loader, Words names, bool numbered, Words library,
                                   std::string_view role, Strictness strictness) {
  return {.loader = loader,
          .names = names,
          .numbered = numbered,
          .library = library,
          .needs = Needs::weights,
          .role = role,
          .strictness = strictness,
          .weight_files = weight_kinds,
          .config_files = weight_config};
}

constexpr ComponentType config_of(std::string_view loader, Words names, Words library, Words files) {
  return {
      .loader = loader, .names = names, .library = library, .needs = Needs::config, .config_files = files};
}

constexpr ComponentType with_halves(ComponentType type, Words halves) {
  type.passed_over = halves;
  return type;
}

constexpr ComponentType with_classes(ComponentType type, Words classes) {
  type.strict_classes = classes;
  return type;
}

using enum Strictness;

constexpr std::array rows{
    weights_of("transformer", transformers, true, of_diffusers, "dit", always),
    with_classes(weights_of("VAE", vaes, false, of_diffusers, "vae", listed_classes), strict_vaes),
    with_halves(
        weights_of("text encoder", text_encoders, true, of_transformers, "text_encoder", missing_only),
        text_halves),
    with_halves(
        weights_of("image encoder", image_encoders, true, of_transformers, "image_encoder", missing_only),
        picture_halves),
    ComponentType{.loader = "tokenizer",
                  .names = tokenizers,
                  .numbered = true,
                  .library = of_transformers,
                  .needs = Needs::files,
                  .config_files = tokenizer_files},
    config_of("scheduler", schedulers, of_diffusers, scheduler_config),
    config_of("image processor", picture_processors, of_processors, picture_config),
    config_of("processor", processors, of_transformers, processor_config),
    weights_of("vision-language encoder", language_encoders, false, of_transformers, "text_encoder",
               missing_only),
    weights_of("upsampler", upsamplers, true, of_diffusers, "upsampler", always),
    weights_of("audio decoder", sound_decoders, false, of_sound, "audio_decoder", never),
    weights_of("vocoder", vocoders, false, of_sound, "vocoder", never),
    weights_of("conditioner", conditioners, false, of_fastvideo, "", never),
    weights_of("connectors", all_connectors, false, of_sound, "", never),
    ComponentType{.loader = "generic",
                  .names = {},
                  .library = {},
                  .weight_files = weight_kinds,
                  .config_files = weight_config},
};

// What FastVideo leaves out (`filter_files_not_needed_for_inference`).
constexpr Row<5> training_ends{"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt",
                               "scaler.pt"};

bool has_name(const ComponentType& type, std::string_view name) noexcept {
  return std::ranges::any_of(type.names, [&](std::string_view each) {
    if (name == each) return true;
    if (!type.numbered || !name.starts_with(each)) return false;
    const std::string_view rest = name.substr(each.size());
    const bool separate = rest.size() > 1 && rest.front() == '_' && rest[1] != '0';
    return separate && number_from_text<unsigned>(rest.substr(1)).value_or(0) > 1;
  });
}

}  // namespace

std::span<const ComponentType> component_types() noexcept { return rows; }

const ComponentType& component_type(std::string_view name) noexcept {
  const auto found =
      std::ranges::find_if(rows, [name](const ComponentType& type) { return has_name(type, name); });
  return found == rows.end() ? rows.back() : *found;
}

const ComponentType& component_type_of_role(std::string_view role) noexcept {
  const auto found = std::ranges::find_if(
      rows, [role](const ComponentType& type) { return !role.empty() && type.role == role; });
  return found == rows.end() ? rows.back() : *found;
}

bool takes_library(const ComponentType& type, std::string_view library) noexcept {
  return type.library.empty() || library.starts_with("fastvideo.") ||
         std::ranges::find(type.library, library) != type.library.end();
}

bool is_strict_of_missing(const ComponentType& type, std::string_view class_name) noexcept {
  return type.strictness == missing_only || is_strict_of_unexpected(type, class_name);
}

bool is_strict_of_unexpected(const ComponentType& type, std::string_view class_name) noexcept {
  if (type.strictness == always) return true;
  return type.strictness == listed_classes &&
         std::ranges::find(type.strict_classes, class_name) != type.strict_classes.end();
}

bool is_not_for_inference(std::string_view file_name) noexcept {
  return std::ranges::any_of(training_ends,
                             [file_name](std::string_view end) { return file_name.ends_with(end); });
}

}  // namespace ditmill::registry
