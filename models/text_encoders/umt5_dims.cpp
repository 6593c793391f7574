#include "models/text_encoders/umt5_dims.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "models/binding/architecture.h"
#include "models/text_encoders/umt5_names.h"
#include "registry/identity/catalog.h"

namespace ditmill::models {
namespace {

constexpr std::array<Size<Umt5Dims>, 7> umt5_sizes{{{"vocab", &Umt5Dims::vocabulary},
                                                    {"dim", &Umt5Dims::dim},
                                                    {"ffn", &Umt5Dims::ffn_dim},
                                                    {"heads", &Umt5Dims::heads},
                                                    {"head_dim", &Umt5Dims::head_dim},
                                                    {"layers", &Umt5Dims::layers},
                                                    {"buckets", &Umt5Dims::buckets}}};

const registry::Layout& umt5_architecture() { return registry::built_in_architecture("umt5"); }

void check_config(const ComponentReader& reader, const Umt5Dims& d) {
  reader.agrees("vocab_size", d.vocabulary);
  reader.agrees("d_model", d.dim);
  reader.agrees("num_heads", d.heads);
  reader.agrees("d_kv", d.head_dim);
  reader.agrees("d_ff", d.ffn_dim);
  reader.agrees("num_layers", d.layers);
  reader.agrees("relative_attention_num_buckets", d.buckets);
  reader.only("model_type", "umt5");
  reader.only("feed_forward_proj", "gated-gelu");
  reader.only("dense_act_fn", "gelu_new");
  reader.only("is_gated_act", true);
  reader.only("is_decoder", false);
  reader.only("quantization_config", nullptr);
}

}  // namespace

nlohmann::json to_json(const Umt5Dims& d) {
  return {{"vocab_size", d.vocabulary}, {"dim", d.dim},         {"heads", d.heads},
          {"head_dim", d.head_dim},     {"ffn_dim", d.ffn_dim}, {"layers", d.layers},
          {"buckets", d.buckets},       {"eps", d.eps},         {"max_distance", d.max_distance}};
}

Umt5Dims umt5_dims_from_json(const nlohmann::json& json) {
  Umt5Dims d;
  d.vocabulary = json.at("vocab_size");
  d.dim = json.at("dim");
  d.heads = json.at("heads");
  d.head_dim = json.at("head_dim");
  d.ffn_dim = json.at("ffn_dim");
  d.layers = json.at("layers");
  d.buckets = json.at("buckets");
  d.max_distance = json.at("max_distance");
  d.eps = json.at("eps");
  return d;
}

Shapes umt5_shapes(const Umt5Dims& d) {
  Shapes shapes = shapes_of<Umt5Dims>(umt5_architecture(), umt5_sizes, d);
  // The catalog leaves open which of its names the embedding has.
  shapes[umt5_names::shared] = {static_cast<std::uint64_t>(d.vocabulary), static_cast<std::uint64_t>(d.dim)};
  return shapes;
}

nlohmann::json bind_umt5(const registry::Component& component) {
  const ComponentReader reader(component, "bind the text encoder's weights", "a UMT5 encoder");
  Umt5Dims d;
  solve_sizes<Umt5Dims>(reader, umt5_architecture(), umt5_sizes, d);
  d.max_distance = reader.integer("relative_attention_max_distance").value_or(d.max_distance);
  d.eps = reader.positive("layer_norm_epsilon").value_or(d.eps);
  check_config(reader, d);
  // A quarter of the buckets is exact; the logarithm of the others needs room above it.
  if (d.buckets < 4 || d.max_distance <= d.buckets / 4) {
    reader.refuse(umt5_names::block(0) + "layer.0.SelfAttention.relative_attention_bias.weight",
                  "4 buckets or more, and relative_attention_max_distance above a quarter of them",
                  std::to_string(d.buckets) + " buckets, distance " + std::to_string(d.max_distance));
  }

  Shapes expected = umt5_shapes(d);
  if (reader.has(umt5_names::embed_tokens)) {
    expected[umt5_names::embed_tokens] = expected.at(umt5_names::shared);
    if (!reader.has(umt5_names::shared)) expected.erase(umt5_names::shared);
  }
  reader.account(expected);
  return to_json(d);
}

}  // namespace ditmill::models
