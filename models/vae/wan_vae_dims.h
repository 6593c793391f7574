#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "models/binding/component_reader.h"
#include "registry/component.h"

namespace ditmill::models {

inline constexpr std::int64_t image_channels = 3;

/// Hyper-parameters of Wan's video VAEs: 2.1's, and 2.2's, which is residual: its levels have shortcuts, and
/// its maps at full size are patches of pixels.
struct WanVaeDims {
  std::int64_t base_dim = 0;
  std::int64_t z_dim = 0;
  std::vector<std::int64_t> dim_mult;     ///< widths of the levels, full size first, as multiples of base_dim
  std::int64_t num_res_blocks = 0;        ///< of a level of the encoder; the decoder has one more
  std::vector<bool> temporal_downsample;  ///< of the steps between levels, full size first
  std::vector<double> latents_mean;       ///< a channel each
  std::vector<double> latents_std;
  bool is_residual = false;
  std::int64_t decoder_base_dim = base_dim;  ///< in place of base_dim in the decoder; 2.1's is the same
  std::int64_t patch_size = 1;               ///< pixels along an edge of a patch; 2.1's is 1

  std::int64_t levels() const noexcept { return static_cast<std::int64_t>(dim_mult.size()); }
  /// Channels of the maps that come into the encoder and out of the decoder.
  std::int64_t patch_channels() const noexcept { return image_channels * patch_size * patch_size; }
  /// Pixels along an edge of a latent pixel.
  std::int64_t spatial_scale() const noexcept { return patch_size << (levels() - 1); }
  std::int64_t temporal_scale() const;
  /// Channels of the encoder's level i.
  std::int64_t down_width(std::int64_t i) const { return base_dim * dim_mult[i]; }
  /// Channels that come into it.
  std::int64_t down_input(std::int64_t i) const { return i == 0 ? base_dim : down_width(i - 1); }
  bool has_downsampler(std::int64_t i) const noexcept { return i + 1 < levels(); }
  bool downsamples_time(std::int64_t i) const { return has_downsampler(i) && temporal_downsample[i]; }
  /// Channels of the decoder's up block i (0: the smallest size) where it leaves its residual blocks.
  std::int64_t up_width(std::int64_t i) const;
  /// Channels that come into it.
  std::int64_t up_input(std::int64_t i) const;
  /// Channels that leave its upsampler, where it has one.
  std::int64_t up_output(std::int64_t i) const { return is_residual ? up_width(i) : up_width(i) / 2; }
  bool has_upsampler(std::int64_t i) const noexcept { return i + 1 < levels(); }
  bool upsamples_time(std::int64_t i) const {
    return has_upsampler(i) && temporal_downsample[levels() - 2 - i];
  }
};

/// Names as in WanVaeDims, with spatial_scale and temporal_scale: pixels and frames of one latent pixel and
/// frame. What only Wan 2.2's has is there if it is one.
nlohmann::json to_json(const WanVaeDims& dims);
WanVaeDims wan_vae_dims_from_json(const nlohmann::json& json);

/// Every tensor of the VAE, encoder and decoder, with its shape.
Shapes wan_vae_shapes(const WanVaeDims& dims);

/// The hyper-parameters, as to_json() gives them, of a Wan 2.1 or 2.2 VAE by the names of the layers: from
/// its shapes, with latents_mean and latents_std from config.json (without it, those that the catalog has of
/// as many channels). Accounts for every tensor. Throws Error(bad_input) where config.json contradicts the
/// shapes or shortcuts cannot go from width to width, Error(unsupported) for attention between the levels.
nlohmann::json bind_wan_vae(const registry::Component& component);

/// Whether decoding needs a tensor; the others are the encoder's.
bool vae_needs(std::string_view tensor) noexcept;

}  // namespace ditmill::models
