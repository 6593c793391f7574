#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "models/binding/component_reader.h"
#include "registry/component.h"

namespace ditmill::models::wan {

/// Hyper-parameters of a Wan text-to-video transformer. The patch is always (1, 2, 2).
struct Dims {
  std::int64_t dim = 0;  ///< heads * head_dim
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn_dim = 0;
  std::int64_t layers = 0;
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t text_dim = 0;
  std::int64_t freq_dim = 0;
  std::int64_t rope_max_seq_len = 1024;  ///< positions that each RoPE axis has
  double eps = 1e-6;

  bool operator==(const Dims&) const = default;
};

inline constexpr std::int64_t patch_edge = 2;           ///< latent pixels of a token, along height and width
inline constexpr std::int64_t spatial_compression = 8;  ///< pixels of a latent pixel, by the VAE
inline constexpr std::int64_t temporal_compression =
    4;                                            ///< frames of a latent frame after the first, by the VAE
inline constexpr std::int64_t text_tokens = 512;  ///< what cross-attention sees, zero-padded

nlohmann::json to_json(const Dims& dims);
Dims dims_from_json(const nlohmann::json& json);
/// Every tensor of a Wan text-to-video transformer, by the names of the layers, with its shape.
Shapes dit_shapes(const Dims& dims);

/// The effective hyper-parameters of a DiT component in the diffusers layout. Sizes come from the shapes;
/// heads from config.json, else the catalog entry, else dim/128 (contracts.md, "Heads"). Every tensor is
/// accounted for. Throws Error(bad_input) where shapes, config.json and catalog contradict each other, and
/// Error(unsupported) where they ask for math that ditmill lacks, naming the field or tensor.
Dims bind_dit(const registry::Component& component);

}  // namespace ditmill::models::wan
