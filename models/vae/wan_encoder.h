#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/comm/communicator.h"
#include "models/vae/slab.h"
#include "models/vae/tiles.h"
#include "models/vae/wan_downsampler.h"
#include "models/vae/wan_shortcuts.h"
#include "models/vae/wan_vae_dims.h"
#include "models/vae/wan_vae_layers.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// Residual blocks of one size, then (but for the last) the downsampler to the next; Wan 2.2's adds its
/// input.
class WanDownLevel {
 public:
  /// `blocks`: the scope whose "0", "1", ... are the blocks of all levels or, of Wan 2.2, the levels.
  WanDownLevel(const WeightsView& blocks, const WanVaeDims& dims, std::int64_t level);
  at::Tensor operator()(at::Tensor x, CausalState& state) const;

 private:
  std::vector<VaeResidual> residuals_;
  std::optional<WanDownsampler> downsampler_;
  std::int64_t width_;
  std::optional<LevelStep> shortcut_;
};

/// The encoder of Wan's VAE (2.1's or 2.2's): one frame, then four at a time, each with what the layers kept
/// of those before it. Text-to-video has no use for it, and builds none.
class WanEncoder {
 public:
  /// `hyper_parameters`: what bind_wan_vae() gives. Takes the tensors for which vae_needs() is false; the
  /// others are a WanDecoder's to account for. Throws Error(unsupported) where chunks of four frames cannot
  /// be halved in time as often as it says.
  WanEncoder(const WeightsView& weights, const nlohmann::json& hyper_parameters);

  /// Pixels [B, 3, T, H, W] in [-1, 1] -> mean and log-variance of their latents [B, 2 C, T', H / p, W / p],
  /// as quant_conv gives them, in the weights' dtype (p: spatial_scale). T' is 1 for the first frame, and
  /// 4 / temporal_scale for each four whole frames after it; frames that are left over are dropped. Clips of
  /// a batch are encoded one by one. With `tiling`, pictures larger than a tile are encoded tile by tile.
  /// Throws Error(bad_input) for another shape, or where H or W is no multiple of p.
  /// With a `group`, all of whose ranks pass the same arguments, each rank encodes a Slab, as exact as the
  /// whole, or tiles, which give the same bytes as alone; every rank gets all moments.
  at::Tensor moments(const at::Tensor& pixels, const std::optional<configs::VaeTiling>& tiling = {},
                     const dist::Communicator* group = nullptr) const;
  /// The mode (mean) of moments(), normalised: (mean - latents_mean) / latents_std, in float32.
  at::Tensor encode(const at::Tensor& pixels, const std::optional<configs::VaeTiling>& tiling = {},
                    const dist::Communicator* group = nullptr) const;
  /// What encode() makes of the moments.
  at::Tensor latents(const at::Tensor& moments) const;

 private:
  void check(const at::Tensor& pixels) const;
  at::Tensor encode_clip(const at::Tensor& clip, const std::optional<TileGrids>& grids,
                         const dist::Communicator* group) const;
  at::Tensor encode_tiles(const at::Tensor& clip, const TileGrids& grids,
                          const dist::Communicator* group) const;
  at::Tensor encode_slabs(const at::Tensor& clip, const Slab& slab, const dist::Communicator* group) const;
  std::vector<std::int64_t> moments_shape(const at::Tensor& clip) const;
  std::vector<at::Tensor> encode_chunks(const at::Tensor& clip, const Slab& slab) const;
  at::Tensor encode_chunk(const at::Tensor& chunk, CausalState& state) const;

  WanVaeDims dims_;
  CausalConv conv_in_;
  std::vector<WanDownLevel> levels_;
  VaeMiddle middle_;
  VaeHead head_;
  CausalConv quant_;
};

}  // namespace ditmill::models
