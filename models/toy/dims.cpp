#include "models/toy/dims.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "models/binding/architecture.h"
#include "models/binding/component_reader.h"
#include "registry/identity/catalog.h"

namespace ditmill::models::toy {
namespace {

constexpr const char* binding_weights = "bind the Toy transformer's weights";

std::int64_t heads_of(const registry::Component& component, const ComponentReader& reader, std::int64_t dim) {
  const nlohmann::json& entry = component.identity.hyper_parameters;
  std::int64_t heads = std::max<std::int64_t>(dim / 64, 1);
  if (entry.contains("heads") && entry["heads"].is_number_integer()) heads = entry["heads"];
  heads = reader.integer("num_heads").value_or(heads);
  if (heads > 0 && dim % heads == 0) return heads;
  throw Error{Category::bad_input, binding_weights, Where{.file = component.label, .key = "num_heads"},
              Expected{"a divisor of " + std::to_string(dim) + ", the weights' width"},
              Got{std::to_string(heads)}};
}

}  // namespace

nlohmann::json to_json(const Dims& d) {
  return {{"dim", d.dim},
          {"heads", d.heads},
          {"ffn", d.ffn},
          {"layers", d.layers},
          {"late_layers", d.late_layers},
          {"channels", d.channels},
          {"text_dim", d.text_dim},
          {"freq_dim", d.freq_dim}};
}

Dims dims_from_json(const nlohmann::json& json) {
  return {.dim = json.at("dim"),
          .heads = json.at("heads"),
          .ffn = json.at("ffn"),
          .layers = json.at("layers"),
          .late_layers = json.at("late_layers"),
          .channels = json.at("channels"),
          .text_dim = json.at("text_dim"),
          .freq_dim = json.at("freq_dim")};
}

Dims bind_dit(const registry::Component& component) {
  const ComponentReader reader(component, binding_weights, "a Toy transformer");
  Dims d;
  d.dim = reader.size("x_embed.weight", 2, 0);
  d.channels = reader.size("x_embed.weight", 2, 1) / (patch_edge * patch_edge);
  d.freq_dim = reader.size("time_in.weight", 2, 1);
  d.text_dim = reader.size("text_embed.weight", 2, 1);
  d.ffn = reader.size("blocks.0.mlp_in.weight", 2, 0);
  d.layers = reader.count("blocks.", ".mlp_in.weight");
  d.late_layers = reader.count("late_blocks.", ".mlp_in.weight");
  reader.agrees("hidden_size", d.dim);
  reader.agrees("mlp_size", d.ffn);
  reader.agrees("num_layers", d.layers);
  reader.agrees("num_late_layers", d.late_layers);
  reader.agrees("in_channels", d.channels);
  reader.agrees("text_dim", d.text_dim);
  reader.agrees("freq_dim", d.freq_dim);
  reader.only("patch_size", {1, 2, 2});
  if (d.dim % 4 != 0) {
    reader.refuse("x_embed.weight", "a multiple of 4 rows, for positions are four tables side by side",
                  std::to_string(d.dim));
  }
  d.heads = heads_of(component, reader, d.dim);
  reader.account(shapes_of(registry::built_in_architecture("toy_dit"), to_json(d)));
  return d;
}

std::int64_t style_of(const configs::Request& request) {
  const configs::Field& field = *configs::field_named(configs::family_request_fields(), "toy_style");
  const std::string style = std::get<std::string>(configs::value_of(request.more, field).value());
  return std::ranges::find(field.words, style) - field.words.begin();
}

double detail_of(const configs::PipelineConfig& pipeline) {
  const configs::Field& field = *configs::field_named(configs::family_pipeline_fields(), "toy_detail");
  return std::get<double>(configs::value_of(pipeline.more, field).value());
}

}  // namespace ditmill::models::toy
