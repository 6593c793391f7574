#include "models/image_encoders/clip_vision_dims.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"
#include "models/binding/architecture.h"
#include "models/binding/heads.h"
#include "registry/identity/catalog.h"

namespace ditmill::models {
namespace {

constexpr std::int64_t usual_clip_head = 80;  // ViT-H/14's
constexpr std::int64_t largest_picture = 4096;
const std::string layers_of_clip = "vision_model.encoder.layers.";
const std::string class_embedding = "vision_model.embeddings.class_embedding";
const std::string position_embedding = "vision_model.embeddings.position_embedding.weight";

// Positions are told apart: their rank is the naming's.
constexpr std::array<Size<ClipVisionDims>, 4> clip_sizes{{{"dim", &ClipVisionDims::dim},
                                                          {"ffn", &ClipVisionDims::ffn_dim},
                                                          {"layers", &ClipVisionDims::layers},
                                                          {"patch", &ClipVisionDims::patch}}};

const registry::Layout& clip_architecture() { return registry::built_in_architecture("clip_vision"); }

constexpr std::array<std::string_view, 3> naming_words{"transformers", "wan", "open_clip"};

ClipNaming naming_of(const ComponentReader& reader) {
  for (const ClipNaming naming : {ClipNaming::wan, ClipNaming::open_clip})
    if (reader.has(clip_joined_name(naming, 0, "weight"))) return naming;
  return ClipNaming::transformers;
}

/// The edge of the square of this many patches; nothing if they make none.
std::optional<std::int64_t> edge_of(std::int64_t patches) {
  std::int64_t edge = 0;
  while (edge * edge < patches) ++edge;
  return edge > 0 && edge * edge == patches ? std::optional{edge} : std::nullopt;
}

void check_clip_config(const ComponentReader& reader, const ClipVisionDims& d) {
  reader.only("model_type", "clip_vision_model");
  reader.agrees("hidden_size", d.dim);
  reader.agrees("intermediate_size", d.ffn_dim);
  reader.agrees("num_hidden_layers", d.layers);
  reader.agrees("patch_size", d.patch);
  reader.agrees("image_size", d.image_size());
  reader.only("num_channels", 3);
  reader.only("hidden_act", "gelu");
  const registry::Component& component = reader.component();
  if (component.config.empty() || component.config.contains("hidden_act")) return;
  throw Error{Category::unsupported,
              reader.doing(),
              reader.at_field("hidden_act"),
              Expected{"\"gelu\""},
              Got{"nothing, which is quick_gelu to transformers"},
              "put the config.json that the weights were published with beside them"};
}

std::string layer_of_clip(std::int64_t layer) { return layers_of_clip + std::to_string(layer) + "."; }

}  // namespace

std::int64_t ClipVisionDims::image_size() const noexcept { return edge_of(tokens - 1).value_or(0) * patch; }

nlohmann::json to_json(const ClipVisionDims& d) {
  return {{"dim", d.dim},         {"heads", d.heads},
          {"ffn_dim", d.ffn_dim}, {"layers", d.layers},
          {"patch", d.patch},     {"tokens", d.tokens},
          {"eps", d.eps},         {"naming", naming_words[static_cast<std::size_t>(d.naming)]}};
}

ClipVisionDims clip_vision_dims_from_json(const nlohmann::json& json) {
  ClipVisionDims d;
  d.dim = json.at("dim");
  d.heads = json.at("heads");
  d.ffn_dim = json.at("ffn_dim");
  d.layers = json.at("layers");
  d.patch = json.at("patch");
  d.tokens = json.at("tokens");
  d.eps = json.at("eps");
  for (std::size_t i = 0; i < naming_words.size(); ++i) {
    if (json.at("naming") == naming_words[i]) d.naming = static_cast<ClipNaming>(i);
  }
  return d;
}

std::string clip_joined_name(ClipNaming naming, std::int64_t layer, std::string_view what) {
  const std::string number = std::to_string(layer);
  return (naming == ClipNaming::wan ? "visual.transformer." + number + ".attn.to_qkv."
                                    : "visual.transformer.resblocks." + number + ".attn.in_proj_") +
         std::string(what);
}

Shapes clip_vision_shapes(const ClipVisionDims& d) {
  Sizes sizes;
  for (const Size<ClipVisionDims>& size : clip_sizes) sizes[size.hyper_parameter] = d.*size.member;
  sizes["image_tokens"] = d.tokens;
  Shapes shapes = shapes_of(clip_architecture(), sizes);
  if (d.naming == ClipNaming::transformers) return shapes;
  const auto dim = static_cast<std::uint64_t>(d.dim);
  for (std::int64_t layer = 0; layer < d.layers; ++layer) {
    for (const std::string what : {"weight", "bias"}) {
      for (const char* part : {"q", "k", "v"})
        shapes.erase(layer_of_clip(layer) + "self_attn." + part + "_proj." + what);
      std::vector<std::uint64_t>& joined = shapes[clip_joined_name(d.naming, layer, what)];
      joined = {3 * dim};
      if (what == "weight") joined.push_back(dim);
    }
  }
  if (d.naming == ClipNaming::wan) {
    shapes[class_embedding] = {1, 1, dim};
    shapes[position_embedding] = {1, static_cast<std::uint64_t>(d.tokens), dim};
  }
  return shapes;
}

nlohmann::json bind_clip_vision(const registry::Component& component) {
  const ComponentReader reader(component, "bind the image encoder's weights", "a CLIP vision encoder");
  ClipVisionDims d;
  d.naming = naming_of(reader);
  solve_sizes<ClipVisionDims>(reader, clip_architecture(), clip_sizes, d);
  const bool of_wan = d.naming == ClipNaming::wan;
  d.tokens = reader.size(position_embedding, of_wan ? 3 : 2, of_wan ? 1 : 0);
  if (d.image_size() == 0 || d.image_size() > largest_picture) {
    reader.refuse(position_embedding,
                  "a token for the class and one for each patch of a square picture, of at most " +
                      std::to_string(largest_picture) + " pixels along its edge",
                  std::to_string(d.tokens) + " tokens, patches of " + std::to_string(d.patch) + " pixels");
  }
  d.heads = bind_heads(reader, d.dim, usual_clip_head);
  d.eps = reader.positive("layer_norm_eps").value_or(d.eps);
  check_clip_config(reader, d);
  reader.account(clip_vision_shapes(d));
  return to_json(d);
}

bool clip_vision_needs(const ClipVisionDims& dims, std::string_view tensor) {
  if (tensor.starts_with("vision_model.post_layernorm.") ||
      tensor.starts_with(layer_of_clip(dims.layers - 1)))
    return false;
  if (dims.naming == ClipNaming::transformers) return true;
  return tensor != clip_joined_name(dims.naming, dims.layers - 1, "weight") &&
         tensor != clip_joined_name(dims.naming, dims.layers - 1, "bias");
}

}  // namespace ditmill::models
