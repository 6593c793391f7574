#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "registry/component.h"

namespace ditmill::models::toy {

/// Hyper-parameters of a Toy transformer, named as in the catalog. A patch is 2x2 latent pixels of a picture.
struct Dims {
  std::int64_t dim = 0;  ///< a multiple of 4: a quarter for each of the positions' sines and cosines
  std::int64_t heads = 0;
  std::int64_t ffn = 0;
  std::int64_t layers = 0;       ///< of the list "blocks"
  std::int64_t late_layers = 0;  ///< and of "late_blocks" behind it
  std::int64_t channels = 0;
  std::int64_t text_dim = 0;
  std::int64_t freq_dim = 0;
};

inline constexpr std::int64_t patch_edge = 2;
inline constexpr std::int64_t spatial_compression = 8;  ///< pixels of a latent pixel, by the VAE
inline constexpr std::int64_t styles = 3;
inline constexpr double eps = 1e-6;

nlohmann::json to_json(const Dims& dims);
Dims dims_from_json(const nlohmann::json& json);

/// The effective hyper-parameters of a DiT: sizes come from the shapes; heads from config.json, else the
/// catalog entry, else dim / 64. Accounts for every tensor. Throws as Family::bind().
Dims bind_dit(const registry::Component& component);

/// The row of style_embed that a request asks for: its style's place among the words of fields.yaml.
std::int64_t style_of(const configs::Request& request);
/// What a prediction's distance from its channels' means is multiplied by.
double detail_of(const configs::PipelineConfig& pipeline);

}  // namespace ditmill::models::toy
