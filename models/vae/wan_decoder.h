#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "models/vae/slab.h"
#include "models/vae/tiles.h"
#include "models/vae/wan_shortcuts.h"
#include "models/vae/wan_upsampler.h"
#include "models/vae/wan_vae_dims.h"
#include "models/vae/wan_vae_layers.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Residual blocks of one size, then (but for the last) the upsampler to the next; Wan 2.2's adds its input.
class WanUpBlock {
 public:
  WanUpBlock(const WeightsView& weights, const WanVaeDims& dims, std::int64_t index);
  at::Tensor operator()(at::Tensor x, CausalState& state) const;

 private:
  std::vector<VaeResidual> residuals_;
  std::optional<WanUpsampler> upsampler_;
  std::optional<LevelStep> shortcut_;
};

/// The decoder of Wan's VAE (2.1's or 2.2's): latent frames one at a time, each with what the layers kept of
/// those before it, so that memory does not grow with the clip but for its pixels; with tiling, nor with the
/// picture.
class WanDecoder {
 public:
  /// `hyper_parameters`: what bind_wan_vae() gives. The encoder's tensors are let go of, if they are there.
  WanDecoder(const WeightsView& weights, const nlohmann::json& hyper_parameters);

  /// Denoised latents [C, T, H, W] -> pixels [3, 1 + s (T - 1), p H, p W] in [-1, 1] in the weights' dtype
  /// (s, p: temporal_scale, spatial_scale). Undoes the normalisation of the latents first. With `tiling`,
  /// pictures larger than a tile are decoded tile by tile, each through the whole clip: other pixels, near
  /// the seams and wherever the attention of the smallest size would have looked beyond the tile.
  /// With a `group`, all of whose ranks pass the same arguments, each rank gets the pixels of its Slab (from
  /// 0 rows on), as exact as the whole; tiles, where they cut the picture, are made by all and blended on the
  /// group's rank 0, which gets all rows, the same bytes as alone.
  at::Tensor decode(const at::Tensor& latents, const std::optional<configs::VaeTiling>& tiling = {},
                    const dist::Communicator* group = nullptr) const;
  /// to_frames() of the pixels that decode() gave the ranks for these arguments, all rows together on the
  /// group's rank 0; undefined elsewhere. Collective.
  at::Tensor gather_frames(const at::Tensor& pixels, const at::Tensor& latents,
                           const std::optional<configs::VaeTiling>& tiling,
                           const dist::Communicator* group) const;

 private:
  at::Tensor denormalise(const at::Tensor& latents) const;
  /// The tiling of a picture that is larger than a tile.
  std::optional<TileGrids> grids_that_cut(const at::Tensor& latents,
                                          const std::optional<configs::VaeTiling>& tiling) const;
  /// Of what becomes of z in patches of so many pixels along an edge; 1: in pixels.
  std::vector<std::int64_t> shape_of(const at::Tensor& z, std::int64_t edge) const;
  at::Tensor decode_slab(const at::Tensor& z, const Slab& slab) const;
  /// Patches, as they are blended.
  at::Tensor decode_tile(const at::Tensor& z) const;
  /// Fills `out`, in patches or in pixels.
  void decode_frames(const std::vector<at::Tensor>& frames, const at::Tensor& out, const Slab& slab) const;
  /// Patches of a latent frame.
  at::Tensor decode_frame(const at::Tensor& frame, CausalState& state) const;

  WanVaeDims dims_;
  CausalConv post_quant_;
  CausalConv conv_in_;
  VaeMiddle middle_;
  std::vector<WanUpBlock> up_blocks_;
  VaeHead head_;
};

/// Pixels [3, T, H, W] in [-1, 1] -> [T, H, W, 3] uint8: 255 (x / 2 + 1/2), clamped, in float32, rounded half
/// to even.
at::Tensor to_frames(const at::Tensor& decoded);

}  // namespace ditmill::models
