#include "models/wan/dims.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/suggest.h"
#include "models/binding/architecture.h"
#include "models/binding/component_reader.h"
#include "registry/identity/catalog.h"

namespace ditmill::models::wan {
namespace {

constexpr const char* binding_weights = "bind the transformer's weights";

constexpr std::array<Size<Dims>, 7> sizes{{{"dim", &Dims::dim},
                                           {"ffn", &Dims::ffn_dim},
                                           {"layers", &Dims::layers},
                                           {"in_channels", &Dims::in_channels},
                                           {"out_channels", &Dims::out_channels},
                                           {"text_dim", &Dims::text_dim},
                                           {"freq_dim", &Dims::freq_dim}}};

const registry::Layout& architecture() { return registry::built_in_architecture("wan_dit"); }

/// Every field that ditmill knows the meaning of: of diffusers' WanTransformer3DModel, and of WanModel in
/// Wan's own code.
const std::vector<std::string> diffusers_fields{"patch_size",
                                                "num_attention_heads",
                                                "attention_head_dim",
                                                "num_heads",
                                                "in_channels",
                                                "out_channels",
                                                "text_dim",
                                                "freq_dim",
                                                "ffn_dim",
                                                "num_layers",
                                                "qk_norm",
                                                "cross_attn_norm",
                                                "eps",
                                                "image_dim",
                                                "added_kv_proj_dim",
                                                "rope_max_seq_len",
                                                "pos_embed_seq_len"};
const std::vector<std::string> official_fields{"model_type", "patch_size",      "text_len",   "in_dim",
                                               "dim",        "ffn_dim",         "freq_dim",   "text_dim",
                                               "out_dim",    "num_heads",       "num_layers", "window_size",
                                               "qk_norm",    "cross_attn_norm", "eps"};

Where at_field(const registry::Component& component, const std::string& field) {
  return Where{.file = component.config_path.empty() ? component.label : component.config_path,
               .key = printable(field, 80)};
}

void refuse_unknown_fields(const registry::Component& component) {
  const auto& known_fields = component.identity.layout == "official" ? official_fields : diffusers_fields;
  for (const auto& [field, value] : component.config.items()) {
    // Fields that begin with an underscore say who wrote the file, never what is computed.
    if (field.starts_with('_') || std::ranges::find(known_fields, field) != known_fields.end()) continue;
    const std::string similar = configs::nearest(field, known_fields);
    throw Error{
        Category::unsupported,
        binding_weights,
        at_field(component, field),
        Expected{"a field of a Wan transformer's configuration"},
        Got{printable(value.dump(), 80)},
        similar.empty() ? "ditmill does not know what this field changes" : "did you mean " + similar + "?"};
  }
}

[[noreturn]] void refuse_heads(const registry::Component& component, const std::string& field,
                               const std::string& expected, std::int64_t got) {
  throw Error{
      Category::bad_input,        binding_weights,
      at_field(component, field), Expected{expected},
      Got{std::to_string(got)},   "the config.json may belong to other weights: fetch the component again"};
}

/// Heads by the rule of contracts.md.
std::int64_t bind_heads(const registry::Component& component, const ComponentReader& reader,
                        std::int64_t dim) {
  const std::optional<std::int64_t> width = reader.integer("attention_head_dim");
  std::int64_t heads = width ? dim / *width : 0;  // 0: not said yet
  const std::string divisor = "a divisor of " + std::to_string(dim) + ", the weights' width";
  if (width && dim % *width != 0) refuse_heads(component, "attention_head_dim", divisor, *width);
  for (const char* field : {"num_heads", "num_attention_heads"}) {
    const std::optional<std::int64_t> value = reader.integer(field);
    if (!value) continue;
    if (dim % *value != 0) refuse_heads(component, field, divisor, *value);
    if (heads != 0 && heads != *value) {
      refuse_heads(component, field,
                   std::to_string(heads) + ", as the other fields and the weights' width of " +
                       std::to_string(dim) + " say",
                   *value);
    }
    heads = *value;
  }
  if (heads != 0) return heads;

  const auto entry = component.identity.hyper_parameters.find("heads");
  if (entry != component.identity.hyper_parameters.end() && !entry->is_null()) {
    if (!entry->is_number_integer() || *entry < 1 || *entry > dim || dim % entry->get<std::int64_t>() != 0) {
      throw Error{Category::bad_input, binding_weights,
                  Where{.file = component.label, .key = "hyper_parameters.heads"},
                  Expected{"a divisor of " + std::to_string(dim) + ", the weights' width"},
                  Got{printable(entry->dump()) + " in the catalog entry " + component.identity.variant}};
    }
    return entry->get<std::int64_t>();
  }
  if (dim % 128 == 0) return dim / 128;
  throw Error{
      Category::bad_input,
      binding_weights,
      Where{.file = component.label},
      Expected{"the number of attention heads: num_attention_heads and attention_head_dim in config.json, "
               "hyper_parameters.heads in the catalog entry, or a width that is a multiple of 128"},
      Got{"none of the three; the width is " + std::to_string(dim)},
      "put the component's config.json beside its weights, or add heads to your catalog entry"};
}

double bind_eps(const registry::Component& component, const ComponentReader& reader, double otherwise) {
  const auto entry = component.identity.hyper_parameters.find("eps");
  const bool known = entry != component.identity.hyper_parameters.end() && entry->is_number();
  const double eps = reader.positive("eps").value_or(known ? entry->get<double>() : otherwise);
  if (eps > 0 && eps < 1) return eps;
  throw Error{Category::bad_input, binding_weights, at_field(component, "eps"),
              Expected{"a number between 0 and 1"}, Got{std::to_string(eps)}};
}

void refuse_other_models(const registry::Component& component, const Shapes& shapes) {
  const std::string& variant = component.identity.variant;
  if (variant.starts_with("wan2.2-") && !variant.starts_with("wan2.2-t2v-a14b-")) {
    throw Error{Category::unsupported, binding_weights, Where{.file = component.label},
                Expected{"a text-to-video transformer: Wan 2.1's, or an expert of Wan 2.2 A14B"},
                Got{variant}};
  }
  for (const auto& [name, shape] : shapes) {
    const bool image =
        name.find(".add_k_proj.") != std::string::npos || name.find("image_embedder.") != std::string::npos;
    if (image || name.starts_with("vace_")) {
      throw Error{Category::unsupported, binding_weights, Where{.file = component.label, .tensor = name},
                  Expected{"a text-to-video transformer"},
                  Got{image ? "an image-to-video transformer" : "a VACE transformer"}};
    }
  }
}

}  // namespace

nlohmann::json to_json(const Dims& d) {
  return {{"dim", d.dim},
          {"heads", d.heads},
          {"head_dim", d.head_dim},
          {"ffn_dim", d.ffn_dim},
          {"layers", d.layers},
          {"in_channels", d.in_channels},
          {"out_channels", d.out_channels},
          {"text_dim", d.text_dim},
          {"freq_dim", d.freq_dim},
          {"rope_max_seq_len", d.rope_max_seq_len},
          {"eps", d.eps}};
}

Shapes dit_shapes(const Dims& d) { return shapes_of<Dims>(architecture(), sizes, d); }

Dims dims_from_json(const nlohmann::json& json) {
  Dims d;
  d.dim = json.at("dim");
  d.heads = json.at("heads");
  d.head_dim = json.at("head_dim");
  d.ffn_dim = json.at("ffn_dim");
  d.layers = json.at("layers");
  d.in_channels = json.at("in_channels");
  d.out_channels = json.at("out_channels");
  d.text_dim = json.at("text_dim");
  d.freq_dim = json.at("freq_dim");
  d.rope_max_seq_len = json.at("rope_max_seq_len");
  d.eps = json.at("eps");
  return d;
}

Dims bind_dit(const registry::Component& component) {
  const ComponentReader reader(component, binding_weights, "a Wan transformer");
  refuse_other_models(component, reader.shapes());
  refuse_unknown_fields(component);

  Dims d;
  solve_sizes<Dims>(reader, architecture(), sizes, d);

  reader.only("patch_size", {1, 2, 2});
  reader.only("qk_norm", component.identity.layout == "official" ? nlohmann::json(true)
                                                                 : nlohmann::json("rms_norm_across_heads"));
  reader.only("cross_attn_norm", true);
  reader.only("image_dim", nullptr);
  reader.only("added_kv_proj_dim", nullptr);
  reader.only("pos_embed_seq_len", nullptr);
  reader.only("model_type", "t2v");
  reader.only("text_len", text_tokens);
  reader.only("window_size", {-1, -1});
  reader.agrees("dim", d.dim);
  reader.agrees("in_dim", d.in_channels);
  reader.agrees("out_dim", d.out_channels);
  reader.agrees("in_channels", d.in_channels);
  reader.agrees("out_channels", d.out_channels);
  reader.agrees("text_dim", d.text_dim);
  reader.agrees("freq_dim", d.freq_dim);
  reader.agrees("ffn_dim", d.ffn_dim);
  reader.agrees("num_layers", d.layers);
  d.rope_max_seq_len = reader.integer("rope_max_seq_len").value_or(d.rope_max_seq_len);
  d.eps = bind_eps(component, reader, d.eps);
  d.heads = bind_heads(component, reader, d.dim);
  d.head_dim = d.dim / d.heads;

  if (d.head_dim % 2 != 0) {
    throw Error{Category::unsupported, binding_weights, at_field(component, "attention_head_dim"),
                Expected{"an even head width, for RoPE rotates pairs"}, Got{std::to_string(d.head_dim)}};
  }
  if (d.in_channels != d.out_channels) {
    throw Error{Category::unsupported, binding_weights,
                Where{.file = component.label, .tensor = "patch_embedding.weight"},
                Expected{"as many input channels as output channels, " + std::to_string(d.out_channels) +
                         ": a text-to-video transformer"},
                Got{std::to_string(d.in_channels)}};
  }
  reader.account(dit_shapes(d));
  return d;
}

}  // namespace ditmill::models::wan
