#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "models/wan/dims.h"
#include "registry/component.h"
#include "registry/identity/catalog.h"

namespace ditmill::models::wan {

/// Three heads of width 40, two blocks: nothing is a power of two by accident.
inline Dims tiny_dims() {
  return {.dim = 120,
          .heads = 3,
          .head_dim = 40,
          .ffn_dim = 200,
          .layers = 2,
          .in_channels = 16,
          .out_channels = 16,
          .text_dim = 48,
          .freq_dim = 64};
}

/// The same for latents with a mask and what a first picture looks like beside them, told of the picture by
/// tokens of width 26; or of two, the last as well, by 10 tokens.
inline Dims picture_dims(bool first_and_last = false) {
  Dims dims = tiny_dims();
  dims.in_channels = 36;
  dims.image_dim = 26;
  if (first_and_last) dims.image_tokens = 10;
  return dims;
}

/// Whether a tensor of the transformer is float32 whatever the others are.
inline bool is_float32_island(std::string_view name) {
  const registry::StatedTensor stated =
      registry::find_tensor(registry::built_in_architecture("wan_dit"), name);
  return stated.tensor != nullptr && stated.tensor->float32;
}

/// A transformer's headers, as registry would read them, with a config.json that fits.
inline registry::Component tiny_component(const Dims& dims = tiny_dims()) {
  const auto or_null = [](std::int64_t size) {
    return size > 0 ? nlohmann::json(size) : nlohmann::json(nullptr);
  };
  registry::Component component;
  component.role = "dit";
  component.label = "model/transformer";
  component.config_path = "model/transformer/config.json";
  component.config = {{"_class_name", "WanTransformer3DModel"},
                      {"num_attention_heads", dims.heads},
                      {"attention_head_dim", dims.head_dim},
                      {"in_channels", dims.in_channels},
                      {"out_channels", dims.out_channels},
                      {"text_dim", dims.text_dim},
                      {"freq_dim", dims.freq_dim},
                      {"ffn_dim", dims.ffn_dim},
                      {"num_layers", dims.layers},
                      {"patch_size", {1, 2, 2}},
                      {"cross_attn_norm", true},
                      {"qk_norm", "rms_norm_across_heads"},
                      {"eps", 1e-6},
                      {"image_dim", or_null(dims.image_dim)},
                      {"added_kv_proj_dim", or_null(dims.takes_pictures() ? dims.dim : 0)},
                      {"rope_max_seq_len", 1024},
                      {"pos_embed_seq_len", or_null(dims.image_tokens)}};
  registry::WeightFile file;
  file.path = "model/transformer/diffusion_pytorch_model.safetensors";
  for (const auto& [name, shape] : dit_shapes(dims)) {
    file.tensors.push_back({.name = name, .type = registry::ElementType::f32, .shape = shape});
  }
  component.files.push_back(file);
  return component;
}

}  // namespace ditmill::models::wan
