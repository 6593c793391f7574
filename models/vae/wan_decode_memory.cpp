#include "models/vae/wan_decode_memory.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/byte_counts.h"
#include "models/vae/wan_decoder_memory.h"

namespace ditmill::models {
namespace {

/// Rows of latents are shared out over the group's ranks.
std::uint64_t slab_rows(std::uint64_t height, std::uint64_t scale, std::uint64_t ranks) {
  const std::uint64_t rows = std::max<std::uint64_t>(height / scale, 1);
  return ceil_div(rows, std::min(ranks, rows)) * scale;
}

/// What is decoded at once, in pixels, and what is held for blending: the tile and its right edge, and the
/// lower edges of the row above it and of its own; of many ranks, the tiles that the others have sent.
struct DecodedPixels {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t held = 0;
  bool slab = false;  ///< a slab, not a tile
};

DecodedPixels decoded_pixels(std::uint64_t width, std::uint64_t height, std::uint64_t scale,
                             const std::optional<configs::VaeTiling>& tiling, std::uint64_t ranks) {
  const DecodedPixels whole{.width = width, .height = slab_rows(height, scale, ranks), .slab = ranks > 1};
  if (!tiling) return whole;
  const std::uint64_t tile_width = unsigned_of(tiling->width);
  const std::uint64_t tile_height = unsigned_of(tiling->height);
  if (width <= tile_width && height <= tile_height) return whole;
  const std::uint64_t stride = std::max<std::uint64_t>(unsigned_of(tiling->stride_width), 1);
  const std::uint64_t row_stride = std::max<std::uint64_t>(unsigned_of(tiling->stride_height), 1);
  const std::uint64_t columns = ceil_div(width, stride);
  const std::uint64_t sent = std::min(ranks, columns * ceil_div(height, row_stride)) - 1;
  const std::uint64_t w = std::min(width, tile_width);
  const std::uint64_t h = std::min(height, tile_height);
  const std::uint64_t lower = tile_height - std::min(tile_height, unsigned_of(tiling->stride_height));
  const std::uint64_t right = tile_width - std::min(tile_width, unsigned_of(tiling->stride_width));
  return {.width = w,
          .height = h,
          .held = (1 + sent) * w * h + std::min(right, w) * h + std::min(lower, h) * w * columns};
}

}  // namespace

std::uint64_t wan_decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const CpuKind& cpu,
                               const configs::Request& request,
                               const std::optional<configs::VaeTiling>& tiling,
                               const configs::ParallelConfig& parallel) {
  const WanVaeDims dims = wan_vae_dims_from_json(vae);
  const std::uint64_t scale = unsigned_of(dims.spatial_scale());
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t width = unsigned_of(request.width);
  const std::uint64_t height = unsigned_of(request.height);
  const DecodedPixels pixels =
      decoded_pixels(width, height, scale, tiling, unsigned_of(parallel.group_size()));
  const DecodedLatents latents{.frames = unsigned_of((request.frames - 1) / dims.temporal_scale() + 1),
                               .height = pixels.height / scale,
                               .width = pixels.width / scale,
                               .slab = pixels.slab};
  const std::uint64_t layers = wan_decoder_bytes(dims, dtype, latents, cpu);
  const std::uint64_t clip = 3 * unsigned_of(request.frames);
  // What is left when the layers are done is looked at for NaN, then made bytes of.
  const std::uint64_t to_bytes = std::max(2 * e + 3, e + sizeof(float) + 2);
  if (!pixels.slab) {
    const std::uint64_t whole = width * height * clip;
    return with_slack(std::max(layers + (whole + pixels.held * clip) * e, whole * to_bytes));
  }
  // Attention at the smallest size looks at the keys and values of all slabs, which come in packed; frames
  // are gathered as bytes.
  const auto widest = unsigned_of(dims.up_width(0));
  const std::uint64_t others = width / scale * (height / scale) * widest * 4 * e;
  const std::uint64_t slab = pixels.width * pixels.height * clip;
  return with_slack(std::max(layers + others + slab * e, slab * to_bytes + width * height * clip * 2));
}

}  // namespace ditmill::models
