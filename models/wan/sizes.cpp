#include "models/wan/sizes.h"

#include <algorithm>
#include <string>

namespace ditmill::models::wan {
namespace {

constexpr int pixel_step = static_cast<int>(spatial_compression * patch_edge);
constexpr int frame_step = static_cast<int>(temporal_compression);

/// The number nearest to `value` of the form offset + k * step, k >= 0; the smaller of two equally near.
std::int64_t nearest(std::int64_t value, std::int64_t step, std::int64_t offset, std::int64_t least) {
  const std::int64_t k = (std::max(value, least) - offset + (step - 1) / 2) / step;
  return std::max(offset + k * step, least);
}

std::uint64_t bytes_of(configs::Dtype dtype) { return dtype == configs::Dtype::bfloat16 ? 2 : 4; }

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

std::uint64_t field(const nlohmann::json& json, const char* name) {
  return unsigned_of(json.value(name, std::int64_t{0}));
}

/// Pixels of what is decoded at once, and of what is held for blending: the tile and its right edge, and the
/// lower edges of the row above it and of its own.
struct TilePixels {
  std::uint64_t one = 0;
  std::uint64_t held = 0;
};

TilePixels tile_pixels(std::uint64_t width, std::uint64_t height,
                       const std::optional<configs::VaeTiling>& tiling) {
  if (!tiling) return {.one = width * height};
  const std::uint64_t tile_width = unsigned_of(tiling->width);
  const std::uint64_t tile_height = unsigned_of(tiling->height);
  if (width <= tile_width && height <= tile_height) return {.one = width * height};
  const std::uint64_t stride = std::max<std::uint64_t>(unsigned_of(tiling->stride_width), 1);
  const std::uint64_t columns = (width + stride - 1) / stride;
  const std::uint64_t w = std::min(width, tile_width);
  const std::uint64_t h = std::min(height, tile_height);
  const std::uint64_t lower = tile_height - std::min(tile_height, unsigned_of(tiling->stride_height));
  const std::uint64_t right = tile_width - std::min(tile_width, unsigned_of(tiling->stride_width));
  return {.one = w * h, .held = w * h + std::min(right, w) * h + std::min(lower, h) * w * columns};
}

}  // namespace

std::vector<Problem> check_sizes(const configs::Request& request) {
  std::vector<Problem> problems;
  const auto multiple = [&](const char* name, int value) {
    if (value > 0 && value % pixel_step == 0) return;
    problems.push_back({.message = std::string(name) + " does not fit Wan's latents",
                        .expected = "a multiple of " + std::to_string(pixel_step),
                        .got = std::to_string(value),
                        .nearest = std::to_string(nearest(value, pixel_step, 0, pixel_step))});
  };
  multiple("width", request.width);
  multiple("height", request.height);
  if (request.frames < 1 || request.frames % frame_step != 1) {
    problems.push_back({.message = "frames does not fit Wan's latents",
                        .expected = "a multiple of " + std::to_string(frame_step) + ", plus 1",
                        .got = std::to_string(request.frames),
                        .nearest = std::to_string(nearest(request.frames, frame_step, 1, 1))});
  }
  return problems;
}

std::array<std::int64_t, 4> latent_shape(const Dims& dims, const configs::Request& request) {
  const std::array<std::int64_t, 4> shape{dims.in_channels, (request.frames - 1) / temporal_compression + 1,
                                          request.height / spatial_compression,
                                          request.width / spatial_compression};
  const std::int64_t positions = std::max({shape[1], shape[2] / patch_edge, shape[3] / patch_edge});
  if (positions > dims.rope_max_seq_len) {
    throw Error{Category::bad_input,
                "size the latent",
                Where{.key = "rope_max_seq_len", .item = request.id},
                Expected{"at most " + std::to_string(dims.rope_max_seq_len) +
                         " positions along each axis, as the transformer's config.json says"},
                Got{std::to_string(positions)},
                "ask for fewer frames or a smaller picture"};
  }
  return shape;
}

std::uint64_t denoise_bytes(const Dims& dims, configs::Dtype dtype, const configs::Request& request) {
  const std::array<std::int64_t, 4> latent = latent_shape(dims, request);
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t f = sizeof(float);
  const std::uint64_t tokens = unsigned_of(latent[1] * (latent[2] / patch_edge) * (latent[3] / patch_edge));
  const std::uint64_t dim = unsigned_of(dims.dim);
  const std::uint64_t ffn = unsigned_of(dims.ffn_dim);
  const std::uint64_t text = unsigned_of(text_tokens);

  // x and its sum, the norm in float32 and its cast; q, k, v before and after RoPE with its products in
  // float32.
  const std::uint64_t attention = tokens * dim * (8 * e + 5 * f) + text * dim * 5 * e;
  const std::uint64_t feed_forward = tokens * dim * (4 * e + 3 * f) + tokens * ffn * 2 * e;
  // Matrix libraries pack one operand; samplers keep a few latents; RoPE keeps some tables.
  const std::uint64_t scratch = ffn * dim * e +
                                12 * f * unsigned_of(latent[0] * latent[1] * latent[2] * latent[3]) +
                                4 * tokens * unsigned_of(dims.head_dim) * f;
  return std::max(attention, feed_forward) + scratch;
}

std::uint64_t encode_bytes(const nlohmann::json& umt5, configs::Dtype dtype) {
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t f = sizeof(float);
  const std::uint64_t tokens = unsigned_of(text_tokens);
  const std::uint64_t heads = field(umt5, "heads");
  const std::uint64_t dim = field(umt5, "dim");
  const std::uint64_t ffn = field(umt5, "ffn_dim");
  return tokens * (dim * (4 * e + 3 * f) + heads * field(umt5, "head_dim") * 5 * e + ffn * 6 * e) +
         heads * tokens * tokens * (2 * e + 2 * f) + ffn * dim * e;
}

std::uint64_t decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const configs::Request& request,
                           const std::optional<configs::VaeTiling>& tiling) {
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t width = unsigned_of(request.width);
  const std::uint64_t height = unsigned_of(request.height);
  const std::uint64_t pixels = width * height;
  const TilePixels tiles = tile_pixels(width, height, tiling);
  const std::uint64_t channels = field(vae, "base_dim");
  const std::uint64_t convolutions = 2 * (field(vae, "num_res_blocks") + 1) + 2;
  // At full size a chunk is 4 frames. The widest moment holds an upsampled map of twice the channels, its
  // convolution's input padded by two frames, its output, and what the matrix library reorders; every causal
  // convolution keeps two frames, and the smaller sizes before it no more than half as much again. In float32
  // oneDNN, on machines whose instructions make it, holds the input and the output a second and third time.
  const std::uint64_t maps = dtype == configs::Dtype::float32 ? 36 : 12;
  const std::uint64_t chunk = tiles.one * channels * e * 4 * maps;
  const std::uint64_t kept = tiles.one * channels * e * 2 * convolutions * 3 / 2;
  const std::uint64_t clip = 3 * unsigned_of(request.frames);
  const std::uint64_t frames = pixels * clip * (2 * e + 2 * sizeof(float) + 1);
  return chunk + kept + frames + tiles.held * clip * e;
}

std::uint64_t embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text) {
  const std::uint64_t tokens = std::min<std::uint64_t>(unsigned_of(text_tokens), text.size() + 2);
  return tokens * field(umt5, "dim") * bytes_of(dtype);
}

}  // namespace ditmill::models::wan
