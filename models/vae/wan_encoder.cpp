#include "models/vae/wan_encoder.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "configs/error.h"
#include "dist/comm/tensors.h"
#include "models/vae/dealt_tiles.h"
#include "models/vae/patches.h"

namespace ditmill::models {
namespace {

constexpr std::int64_t chunk_frames = 4;

WanVaeDims encodable(const nlohmann::json& hyper_parameters) {
  WanVaeDims dims = wan_vae_dims_from_json(hyper_parameters);
  if (chunk_frames % dims.temporal_scale() == 0) return dims;
  throw Error{Category::unsupported, "build the VAE's encoder", Where{.key = "temperal_downsample"},
              Expected{"1, 2 or 4 frames to a latent frame: clips are encoded four frames at a time"},
              Got{std::to_string(dims.temporal_scale())}};
}

std::vector<WanDownLevel> make_levels(const WeightsView& blocks, const WanVaeDims& dims) {
  std::vector<WanDownLevel> levels;
  levels.reserve(static_cast<std::size_t>(dims.levels()));
  for (std::int64_t i = 0; i < dims.levels(); ++i) levels.emplace_back(blocks, dims, i);
  return levels;
}

at::Tensor per_channel(const std::vector<double>& values, const at::Device& device) {
  return at::tensor(values, at::kFloat)
      .view({1, static_cast<std::int64_t>(values.size()), 1, 1, 1})
      .to(device);
}

}  // namespace

WanDownLevel::WanDownLevel(const WeightsView& blocks, const WanVaeDims& dims, std::int64_t level)
    : width_(dims.down_width(level)) {
  // Wan 2.1's blocks are numbered through: those of each level, and its downsampler.
  std::int64_t block = level * (dims.num_res_blocks + 1);
  const WeightsView nested = blocks.scope(std::to_string(level));
  for (std::int64_t j = 0; j < dims.num_res_blocks; ++j) {
    residuals_.emplace_back(
        dims.is_residual ? nested.scope("resnets", j) : blocks.scope(std::to_string(block++)),
        j == 0 ? dims.down_input(level) : width_, width_);
  }
  const bool smaller = dims.has_downsampler(level);
  const bool time = dims.downsamples_time(level);
  if (smaller) {
    downsampler_.emplace(dims.is_residual ? nested.scope("downsampler") : blocks.scope(std::to_string(block)),
                         width_, time);
  }
  if (dims.is_residual) shortcut_ = {.time = time ? 2 : 1, .edge = smaller ? 2 : 1};
}

at::Tensor WanDownLevel::operator()(at::Tensor x, CausalState& state) const {
  // Before the layers, not after: it is smaller than what it is made of.
  const at::Tensor straight = shortcut_ ? mean_of_finer(x, width_, *shortcut_) : at::Tensor();
  for (const VaeResidual& residual : residuals_) x = residual(x, state);
  if (downsampler_) x = (*downsampler_)(x, state);
  return shortcut_ ? x.add_(straight) : x;
}

WanEncoder::WanEncoder(const WeightsView& weights, const nlohmann::json& hyper_parameters)
    : dims_(encodable(hyper_parameters)),
      conv_in_(weights.scope("encoder").scope("conv_in"), dims_.patch_channels(), dims_.base_dim, 3, 3),
      levels_(make_levels(weights.scope("encoder").scope("down_blocks"), dims_)),
      middle_(weights.scope("encoder").scope("mid_block"), dims_.down_width(dims_.levels() - 1)),
      head_(weights.scope("encoder"), dims_.down_width(dims_.levels() - 1), 2 * dims_.z_dim),
      quant_(weights.scope("quant_conv"), 2 * dims_.z_dim, 2 * dims_.z_dim, 1, 1) {}

at::Tensor WanEncoder::moments(const at::Tensor& pixels, const std::optional<configs::VaeTiling>& tiling,
                               const dist::Communicator* group) const {
  check(pixels);
  const auto grids = tiling ? std::optional(tile_grids(*tiling, dims_.spatial_scale())) : std::nullopt;
  std::vector<at::Tensor> clips;
  for (const at::Tensor& clip : pixels.split(1)) clips.push_back(encode_clip(clip, grids, group));
  return at::cat(clips);
}

at::Tensor WanEncoder::encode(const at::Tensor& pixels, const std::optional<configs::VaeTiling>& tiling,
                              const dist::Communicator* group) const {
  return latents(moments(pixels, tiling, group));
}

at::Tensor WanEncoder::latents(const at::Tensor& moments) const {
  const at::Tensor mean = moments.narrow(1, 0, dims_.z_dim).to(at::kFloat);
  return (mean - per_channel(dims_.latents_mean, mean.device())) *
         (1.0 / per_channel(dims_.latents_std, mean.device()));
}

void WanEncoder::check(const at::Tensor& pixels) const {
  if (pixels.dim() != 5 || pixels.size(1) != image_channels || pixels.numel() == 0) {
    throw Error{
        Category::bad_input,
        "encode pixels",
        {},
        Expected{"[clips, 3, frames, height, width]"},
        Got{std::to_string(pixels.dim()) + " dimensions, " + std::to_string(pixels.numel()) + " values"}};
  }
  const std::int64_t scale = dims_.spatial_scale();
  const std::int64_t height = pixels.size(3), width = pixels.size(4);
  if (height % scale == 0 && width % scale == 0) return;
  throw Error{Category::bad_input,
              "encode pixels",
              {},
              Expected{"a height and a width that are multiples of " + std::to_string(scale)},
              Got{"height " + std::to_string(height) + ", width " + std::to_string(width)},
              "scale or crop the pictures first"};
}

at::Tensor WanEncoder::encode_clip(const at::Tensor& clip, const std::optional<TileGrids>& grids,
                                   const dist::Communicator* group) const {
  return grids && grids->pixels.cuts(clip.size(3), clip.size(4))
             ? encode_tiles(clip, *grids, group)
             : encode_slabs(clip, Slab(group, clip.size(3) / dims_.spatial_scale()), group);
}

at::Tensor WanEncoder::encode_tiles(const at::Tensor& clip, const TileGrids& grids,
                                    const dist::Communicator* group) const {
  // As diffusers does it: pixels tell whether a picture is cut, but tiles are of as many patches.
  const TileGrid pixels = grids.pixels.times(dims_.patch_size);
  const MakeTile make = [&](std::int64_t row, std::int64_t column) {
    std::vector<at::Tensor> chunks = encode_chunks(pixels.part(clip, row, column), {});
    for (at::Tensor& chunk : chunks) chunk = quant_(chunk);
    return at::cat(chunks, 2);
  };
  const std::vector<std::int64_t> shape = moments_shape(clip);
  at::Tensor out = deal_tiles(shape, conv_in_.options(), grids.latents.times(dims_.patch_size), make, group);
  if (group == nullptr) return out;
  if (group->rank() != 0) out = at::empty(shape, conv_in_.options());
  dist::broadcast(*group, out, 0, dist::Purpose::pictures);
  return out;
}

at::Tensor WanEncoder::encode_slabs(const at::Tensor& clip, const Slab& slab,
                                    const dist::Communicator* group) const {
  const at::Tensor rows = slab.part(clip);
  // One quant_conv for all chunks here, one for each in a tile: so diffusers does, and sums round alike.
  const at::Tensor part = slab.any() ? quant_(at::cat(encode_chunks(rows, slab), 2))
                                     : at::empty(moments_shape(rows), conv_in_.options());
  return group == nullptr ? part : dist::all_gather(*group, part, 3, slab.rows(1), dist::Purpose::pictures);
}

std::vector<std::int64_t> WanEncoder::moments_shape(const at::Tensor& clip) const {
  const std::int64_t scale = dims_.spatial_scale();
  const std::int64_t later = (clip.size(2) - 1) / chunk_frames * (chunk_frames / dims_.temporal_scale());
  return {1, 2 * dims_.z_dim, 1 + later, clip.size(3) / scale, clip.size(4) / scale};
}

std::vector<at::Tensor> WanEncoder::encode_chunks(const at::Tensor& clip, const Slab& slab) const {
  CausalState state(slab);
  std::vector<at::Tensor> chunks{encode_chunk(clip.narrow(2, 0, 1), state)};
  for (std::int64_t end = 1 + chunk_frames; end <= clip.size(2); end += chunk_frames) {
    chunks.push_back(encode_chunk(clip.narrow(2, end - chunk_frames, chunk_frames), state));
  }
  return chunks;
}

at::Tensor WanEncoder::encode_chunk(const at::Tensor& chunk, CausalState& state) const {
  state.rewind();
  at::Tensor x = conv_in_(to_patches(chunk.to(conv_in_.options()), dims_.patch_size), state);
  for (const WanDownLevel& level : levels_) x = level(std::move(x), state);
  return head_(middle_(x, state), state);
}

}  // namespace ditmill::models
