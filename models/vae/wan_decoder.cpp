#include "models/vae/wan_decoder.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "configs/error.h"
#include "models/vae/dealt_tiles.h"
#include "models/vae/patches.h"

namespace ditmill::models {
namespace {

/// The encoder's weights may have come along: they are accounted for, and freed with the view.
void let_go_of_encoder(const WeightsView& weights, const WanVaeDims& dims) {
  for (const auto& [name, shape] : wan_vae_shapes(dims)) {
    if (!vae_needs(name) && weights.has(name)) {
      weights.take(name, std::vector<std::int64_t>(shape.begin(), shape.end()));
    }
  }
}

std::vector<WanUpBlock> make_up_blocks(const WeightsView& weights, const WanVaeDims& dims) {
  std::vector<WanUpBlock> blocks;
  blocks.reserve(static_cast<std::size_t>(dims.levels()));
  for (std::int64_t i = 0; i < dims.levels(); ++i)
    blocks.emplace_back(weights.scope("up_blocks", i), dims, i);
  return blocks;
}

at::Tensor per_channel(const std::vector<double>& values, const at::TensorOptions& options) {
  // Rounded to float32 first, as Python's numbers are on their way into a tensor.
  return at::tensor(values, at::kFloat)
      .view({1, static_cast<std::int64_t>(values.size()), 1, 1, 1})
      .to(options);
}

}  // namespace

WanUpBlock::WanUpBlock(const WeightsView& weights, const WanVaeDims& dims, std::int64_t index) {
  const std::int64_t width = dims.up_width(index);
  for (std::int64_t j = 0; j <= dims.num_res_blocks; ++j) {
    residuals_.emplace_back(weights.scope("resnets", j), j == 0 ? dims.up_input(index) : width, width);
  }
  if (!dims.has_upsampler(index)) return;
  const WeightsView upsampler =
      dims.is_residual ? weights.scope("upsampler") : weights.scope("upsamplers", 0);
  const bool time = dims.upsamples_time(index);
  upsampler_.emplace(upsampler, width, dims.up_output(index), time);
  if (dims.is_residual) shortcut_ = {.time = time ? 2 : 1, .edge = 2};
}

at::Tensor WanUpBlock::operator()(at::Tensor x, CausalState& state) const {
  const at::Tensor coarser = shortcut_ ? x : at::Tensor();
  for (const VaeResidual& residual : residuals_) x = residual(x, state);
  if (upsampler_) x = (*upsampler_)(std::move(x), state);
  if (shortcut_) add_coarser(x, coarser, *shortcut_);
  return x;
}

WanDecoder::WanDecoder(const WeightsView& weights, const nlohmann::json& hyper_parameters)
    : dims_(wan_vae_dims_from_json(hyper_parameters)),
      post_quant_(weights.scope("post_quant_conv"), dims_.z_dim, dims_.z_dim, 1, 1),
      conv_in_(weights.scope("decoder").scope("conv_in"), dims_.z_dim, dims_.up_width(0), 3, 3),
      middle_(weights.scope("decoder").scope("mid_block"), dims_.up_width(0)),
      up_blocks_(make_up_blocks(weights.scope("decoder"), dims_)),
      head_(weights.scope("decoder"), dims_.up_width(dims_.levels() - 1), dims_.patch_channels()) {
  let_go_of_encoder(weights, dims_);
}

at::Tensor WanDecoder::decode(const at::Tensor& latents, const std::optional<configs::VaeTiling>& tiling,
                              const dist::Communicator* group) const {
  if (latents.dim() != 4 || latents.size(0) != dims_.z_dim || latents.numel() == 0) {
    throw Error{
        Category::internal,
        "decode latents",
        {},
        Expected{"[" + std::to_string(dims_.z_dim) + ", frames, height, width]"},
        Got{std::to_string(latents.dim()) + " dimensions, " + std::to_string(latents.numel()) + " values"}};
  }
  const at::Tensor z = denormalise(latents);
  at::Tensor pixels;
  if (const auto grids = grids_that_cut(latents, tiling)) {
    const MakeTile make = [&](std::int64_t row, std::int64_t column) {
      return decode_tile(grids->latents.part(z, row, column));
    };
    // As diffusers does it: blended as patches, over as many of them as the pixels' lines are.
    const TileGrid patches = grids->latents.times(dims_.spatial_scale() / dims_.patch_size);
    pixels = to_pixels(deal_tiles(shape_of(z, dims_.patch_size), z.options(), patches, make, group),
                       dims_.patch_size);
  } else {
    pixels = decode_slab(z, Slab(group, z.size(3)));
  }
  return pixels.clamp_(-1.0, 1.0)[0];
}

at::Tensor WanDecoder::gather_frames(const at::Tensor& pixels, const at::Tensor& latents,
                                     const std::optional<configs::VaeTiling>& tiling,
                                     const dist::Communicator* group) const {
  if (grids_that_cut(latents, tiling))
    return group == nullptr || group->rank() == 0 ? to_frames(pixels) : at::Tensor();
  const Slab slab(group, latents.size(2));
  return slab.any() ? slab.rows_on_first(to_frames(pixels), 1, dims_.spatial_scale()) : at::Tensor();
}

std::optional<TileGrids> WanDecoder::grids_that_cut(const at::Tensor& latents,
                                                    const std::optional<configs::VaeTiling>& tiling) const {
  if (!tiling) return std::nullopt;
  const TileGrids grids = tile_grids(*tiling, dims_.spatial_scale());
  return grids.latents.cuts(latents.size(2), latents.size(3)) ? std::optional(grids) : std::nullopt;
}

std::vector<std::int64_t> WanDecoder::shape_of(const at::Tensor& z, std::int64_t edge) const {
  const std::int64_t scale = dims_.spatial_scale() / edge;
  const std::int64_t frames = 1 + dims_.temporal_scale() * (z.size(2) - 1);
  return {1, image_channels * edge * edge, frames, scale * z.size(3), scale * z.size(4)};
}

at::Tensor WanDecoder::decode_slab(const at::Tensor& z, const Slab& slab) const {
  const at::Tensor rows = slab.part(z);
  at::Tensor pixels = at::empty(shape_of(rows, 1), z.options());
  // One convolution for all frames here, one for each in a tile: so diffusers does, and sums round alike.
  if (slab.any()) decode_frames(post_quant_(rows).split(1, 2), pixels, slab);
  return pixels;
}

at::Tensor WanDecoder::decode_tile(const at::Tensor& z) const {
  std::vector<at::Tensor> frames = z.split(1, 2);
  for (at::Tensor& frame : frames) frame = post_quant_(frame);
  at::Tensor patches = at::empty(shape_of(z, dims_.patch_size), z.options());
  decode_frames(frames, patches, {});
  return patches;
}

void WanDecoder::decode_frames(const std::vector<at::Tensor>& frames, const at::Tensor& out,
                               const Slab& slab) const {
  CausalState state(slab);
  std::int64_t done = 0;
  for (const at::Tensor& frame : frames) {
    const at::Tensor chunk = decode_frame(frame, state);
    put_patches(chunk, out.narrow(2, done, chunk.size(2)));
    done += chunk.size(2);
  }
}

at::Tensor WanDecoder::denormalise(const at::Tensor& latents) const {
  const at::TensorOptions options = conv_in_.options();
  const at::Tensor inverse = 1.0 / per_channel(dims_.latents_std, options);
  return latents.unsqueeze(0).to(options) / inverse + per_channel(dims_.latents_mean, options);
}

at::Tensor WanDecoder::decode_frame(const at::Tensor& frame, CausalState& state) const {
  state.rewind();
  at::Tensor x = middle_(conv_in_(frame, state), state);
  for (const WanUpBlock& block : up_blocks_) x = block(std::move(x), state);
  return head_(x, state);
}

at::Tensor to_frames(const at::Tensor& decoded) {
  // In place: a clip in float32 may be larger than all that decoding it takes.
  at::Tensor levels = decoded.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  levels.mul_(0.5).add_(0.5).clamp_(0.0, 1.0).mul_(255.0).round_();
  return levels.to(at::kByte).permute({1, 2, 3, 0}).contiguous();
}

}  // namespace ditmill::models
