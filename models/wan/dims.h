#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "models/binding/component_reader.h"
#include "registry/component.h"

namespace ditmill::models::wan {

/// Hyper-parameters of a Wan transformer. The patch is always (1, 2, 2).
struct Dims {
  std::int64_t dim = 0;  ///< heads * head_dim
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn_dim = 0;
  std::int64_t layers = 0;
  std::int64_t in_channels = 0;  ///< latents', and of those that it is conditioned on
  std::int64_t out_channels = 0;
  std::int64_t text_dim = 0;
  std::int64_t freq_dim = 0;
  std::int64_t rope_max_seq_len = 1024;  ///< positions that each RoPE axis has
  double eps = 1e-6;
  std::int64_t image_dim = 0;     ///< width of pictures' tokens, as CLIP gives them; 0: it takes none
  std::int64_t image_tokens = 0;  ///< of a first and a last picture, which have a place; 0: of one, without
  /// It was taught to end with a picture, too, of which CLIP tells it nothing (Fun-InP): the catalog says so,
  /// no shape does.
  bool last_picture = false;
  bool norm_added_q = false;  ///< its files hold a norm that nothing uses
  /// Pixels along an edge of a latent pixel: the VAE's, which says it of itself (sizes.h: dims_of()).
  std::int64_t spatial_scale = 8;

  bool takes_pictures() const noexcept { return image_dim > 0; }
  bool operator==(const Dims&) const = default;
};

inline constexpr std::int64_t patch_edge = 2;  ///< latent pixels of a token, along height and width
inline constexpr std::int64_t temporal_compression =
    4;                                               ///< frames of a latent frame after the first, by the VAE
inline constexpr std::int64_t text_tokens = 512;     ///< what cross-attention sees, zero-padded
inline constexpr std::int64_t picture_tokens = 257;  ///< of one picture, as CLIP ViT-H/14 gives them

/// Whether the latents that it is given stand before a mask and latents of pictures (image to video).
inline bool takes_condition(const Dims& dims) {
  return dims.in_channels == 2 * dims.out_channels + temporal_compression;
}

/// Whether a picture may stand in place of the latents' first frame (TI2V, which VAE 2.2 tells).
inline bool takes_first_frame(const Dims& dims) {
  return dims.in_channels == dims.out_channels && dims.spatial_scale == 16;
}

/// Whether a clip may end with a picture as well.
inline bool takes_last_picture(const Dims& dims) {
  return takes_condition(dims) && (!dims.takes_pictures() || dims.image_tokens > 0 || dims.last_picture);
}

/// What cross-attention sees of pictures, by the shapes; 0 of a transformer that takes none.
inline std::int64_t image_tokens_of(const Dims& dims) {
  if (!dims.takes_pictures()) return 0;
  return dims.image_tokens > 0 ? dims.image_tokens : picture_tokens;
}

nlohmann::json to_json(const Dims& dims);
Dims dims_from_json(const nlohmann::json& json);
/// Every tensor of a Wan transformer, by the names of the layers, with its shape.
Shapes dit_shapes(const Dims& dims);

/// The effective hyper-parameters of a DiT component in the diffusers layout. Sizes come from the shapes;
/// heads from config.json, else the catalog entry, else dim/128 (contracts.md, "Heads"). Every tensor is
/// accounted for. Throws Error(bad_input) where shapes, config.json and catalog contradict each other, and
/// Error(unsupported) where they ask for math that ditmill lacks, naming the field or tensor.
Dims bind_dit(const registry::Component& component);

}  // namespace ditmill::models::wan
