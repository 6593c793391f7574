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
#include "models/binding/heads.h"
#include "registry/identity/catalog.h"

namespace ditmill::models::wan {
namespace {

constexpr const char* binding_weights = "bind the transformer's weights";
constexpr std::int64_t usual_head_dim = 128;

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

void refuse_unknown_fields(const ComponentReader& reader) {
  const registry::Component& component = reader.component();
  const auto& known_fields = component.identity.layout == "official" ? official_fields : diffusers_fields;
  for (const auto& [field, value] : component.config.items()) {
    // Fields that begin with an underscore say who wrote the file, never what is computed.
    if (field.starts_with('_') || std::ranges::find(known_fields, field) != known_fields.end()) continue;
    const std::string similar = configs::nearest(field, known_fields);
    throw Error{
        Category::unsupported,
        binding_weights,
        reader.at_field(field),
        Expected{"a field of a Wan transformer's configuration"},
        Got{printable(value.dump(), 80)},
        similar.empty() ? "ditmill does not know what this field changes" : "did you mean " + similar + "?"};
  }
}

double bind_eps(const ComponentReader& reader, double otherwise) {
  const registry::Component& component = reader.component();
  const auto entry = component.identity.hyper_parameters.find("eps");
  const bool known = entry != component.identity.hyper_parameters.end() && entry->is_number();
  const double eps = reader.positive("eps").value_or(known ? entry->get<double>() : otherwise);
  if (eps > 0 && eps < 1) return eps;
  throw Error{Category::bad_input, binding_weights, reader.at_field("eps"),
              Expected{"a number between 0 and 1"}, Got{std::to_string(eps)}};
}

void refuse_vace(const ComponentReader& reader) {
  for (const auto& [name, shape] : reader.shapes()) {
    if (!name.starts_with("vace_")) continue;
    throw Error{Category::unsupported, binding_weights,
                Where{.file = reader.component().label, .tensor = name},
                Expected{"a text-to-video or image-to-video transformer"}, Got{"a VACE transformer"}};
  }
}

/// What Wan's own config.json calls a transformer of these sizes.
const char* model_type_of(const Dims& d) {
  if (d.image_tokens > 0) return "flf2v";
  return d.takes_pictures() || d.in_channels != d.out_channels ? "i2v" : "t2v";
}

/// What the shapes tell of pictures, which config.json must not contradict.
void bind_pictures(const ComponentReader& reader, Dims& d) {
  const std::string norm = "condition_embedder.image_embedder.norm1.weight";
  const std::string positions = "condition_embedder.image_embedder.pos_embed";
  d.norm_added_q = reader.has("blocks.0.attn2.norm_added_q.weight");
  if (!reader.has(norm)) {
    for (const char* field : {"image_dim", "added_kv_proj_dim", "pos_embed_seq_len"})
      reader.only(field, nullptr);
    return;
  }
  d.image_dim = reader.size(norm, 1, 0);
  const nlohmann::json& known = reader.component().identity.hyper_parameters;
  d.last_picture = known.contains("last_picture") && known.at("last_picture") == 1;
  if (reader.has(positions)) d.image_tokens = reader.size(positions, 3, 1);
  reader.agrees("image_dim", d.image_dim);
  reader.agrees("added_kv_proj_dim", d.dim);
  reader.agrees("pos_embed_seq_len",
                d.image_tokens > 0 ? nlohmann::json(d.image_tokens) : nlohmann::json(nullptr));
}

}  // namespace

nlohmann::json to_json(const Dims& d) {
  nlohmann::json json{{"dim", d.dim},
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
  if (d.takes_pictures()) json["image_dim"] = d.image_dim;
  if (d.image_tokens > 0) json["image_tokens"] = d.image_tokens;
  if (d.last_picture) json["last_picture"] = true;
  if (d.norm_added_q) json["norm_added_q"] = true;
  return json;
}

Shapes dit_shapes(const Dims& d) {
  Sizes known;
  for (const Size<Dims>& size : sizes) known[size.hyper_parameter] = d.*size.member;
  // Tensors are there with these sizes, so that 0 is not one.
  if (d.takes_pictures()) known["image_dim"] = d.image_dim;
  if (d.image_tokens > 0) known["image_tokens"] = d.image_tokens;
  if (d.norm_added_q) known["norm_added_q"] = 1;
  return shapes_of(architecture(), known);
}

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
  d.image_dim = json.value("image_dim", d.image_dim);
  d.image_tokens = json.value("image_tokens", d.image_tokens);
  d.last_picture = json.value("last_picture", d.last_picture);
  d.norm_added_q = json.value("norm_added_q", d.norm_added_q);
  return d;
}

Dims bind_dit(const registry::Component& component) {
  const ComponentReader reader(component, binding_weights, "a Wan transformer");
  refuse_vace(reader);
  refuse_unknown_fields(reader);

  Dims d;
  solve_sizes<Dims>(reader, architecture(), sizes, d);

  reader.only("patch_size", {1, 2, 2});
  reader.only("qk_norm", component.identity.layout == "official" ? nlohmann::json(true)
                                                                 : nlohmann::json("rms_norm_across_heads"));
  reader.only("cross_attn_norm", true);
  bind_pictures(reader, d);
  reader.only("model_type", model_type_of(d));
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
  d.eps = bind_eps(reader, d.eps);
  d.heads = bind_heads(reader, d.dim, usual_head_dim);
  d.head_dim = d.dim / d.heads;

  if (d.head_dim % 2 != 0) {
    throw Error{Category::unsupported, binding_weights, reader.at_field("attention_head_dim"),
                Expected{"an even head width, for RoPE rotates pairs"}, Got{std::to_string(d.head_dim)}};
  }
  reader.account(dit_shapes(d));
  return d;
}

}  // namespace ditmill::models::wan
