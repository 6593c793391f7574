#include "registry/tools/convert_config.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "registry/identity/catalog_text.h"

namespace ditmill::registry {
namespace {

using nlohmann::json;

/// Heads that its config.json gives, else the catalog.
std::optional<std::uint64_t> heads_of(const json& config, const json& hyper_parameters) {
  if (const std::optional<std::uint64_t> heads = configured_heads(config)) return heads;
  const auto known = hyper_parameters.find("heads");
  if (known == hyper_parameters.end() || !known->is_number_integer() || *known <= 0) return std::nullopt;
  return known->get<std::uint64_t>();
}

/// What Wan's code calls the task of a transformer of these shapes.
const char* model_type(const json& hyper_parameters) {
  if (hyper_parameters.contains("vace_layers")) return "vace";
  if (hyper_parameters.contains("image_tokens")) return "flf2v";
  return hyper_parameters.value("in_channels", json()) == hyper_parameters.value("out_channels", json())
             ? "t2v"
             : "i2v";
}

json of_diffusers(const json& hyper_parameters, std::optional<std::uint64_t> heads) {
  const std::uint64_t dim = hyper_parameters.value("dim", std::uint64_t{0});
  json made{{"_class_name", hyper_parameters.contains("vace_layers") ? "WanVACETransformer3DModel"
                                                                     : "WanTransformer3DModel"},
            {"patch_size", {1, 2, 2}},
            {"in_channels", hyper_parameters.value("in_channels", json())},
            {"out_channels", hyper_parameters.value("out_channels", json())},
            {"text_dim", hyper_parameters.value("text_dim", json())},
            {"freq_dim", hyper_parameters.value("freq_dim", json())},
            {"ffn_dim", hyper_parameters.value("ffn", json())},
            {"num_layers", hyper_parameters.value("layers", json())},
            {"cross_attn_norm", true},
            {"qk_norm", "rms_norm_across_heads"},
            {"image_dim", hyper_parameters.value("image_dim", json())},
            {"added_kv_proj_dim", hyper_parameters.contains("image_dim") ? json(dim) : json()},
            {"pos_embed_seq_len", hyper_parameters.value("image_tokens", json())},
            {"rope_max_seq_len", 1024}};
  if (heads && dim % *heads == 0) {
    made["num_attention_heads"] = *heads;
    made["attention_head_dim"] = dim / *heads;
  }
  return made;
}

json of_wan(const json& hyper_parameters, std::optional<std::uint64_t> heads) {
  json made{{"_class_name", "WanModel"},
            {"model_type", model_type(hyper_parameters)},
            {"dim", hyper_parameters.value("dim", json())},
            {"ffn_dim", hyper_parameters.value("ffn", json())},
            {"freq_dim", hyper_parameters.value("freq_dim", json())},
            {"in_dim", hyper_parameters.value("in_channels", json())},
            {"out_dim", hyper_parameters.value("out_channels", json())},
            {"num_layers", hyper_parameters.value("layers", json())},
            {"text_len", 512}};
  if (heads) made["num_heads"] = *heads;
  return made;
}

}  // namespace

json transformer_config(const json& config, const json& hyper_parameters, bool diffusers) {
  const std::optional<std::uint64_t> heads = heads_of(config, hyper_parameters);
  json made = diffusers ? of_diffusers(hyper_parameters, heads) : of_wan(hyper_parameters, heads);
  const auto eps = config.find("eps");
  made["eps"] = eps != config.end() && eps->is_number() ? *eps : json(1e-6);
  return made;
}

}  // namespace ditmill::registry
