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

std::uint64_t ceil_div(std::uint64_t value, std::uint64_t parts) { return (value + parts - 1) / parts; }

std::uint64_t group_size(const configs::ParallelConfig& parallel) {
  return unsigned_of(parallel.group_size());
}

/// Bytes of latents of a float each: of noise, of a prediction.
std::uint64_t latent_bytes(const std::array<std::int64_t, 4>& latent) {
  return sizeof(float) * unsigned_of(latent[0] * latent[1] * latent[2] * latent[3]);
}

/// Rows of latents are shared out over the group's ranks; a rank also sees a row of each neighbour's, which
/// at the smallest size is as much as a convolution reaches.
std::uint64_t slab_rows(std::uint64_t height, std::uint64_t ranks) {
  constexpr std::uint64_t scale = spatial_compression;
  const std::uint64_t rows = std::max<std::uint64_t>(height / scale, 1);
  const std::uint64_t slabs = std::min(ranks, rows);
  if (slabs == 1) return height;
  return std::min(height, (ceil_div(rows, slabs) + 2) * scale);
}

/// Pixels of what is decoded at once, and of what is held for blending: the tile and its right edge, and the
/// lower edges of the row above it and of its own; of many ranks, the tiles that the others have sent.
struct TilePixels {
  std::uint64_t one = 0;
  std::uint64_t held = 0;
  bool slab = false;  ///< one is a slab, not a tile
};

TilePixels tile_pixels(std::uint64_t width, std::uint64_t height,
                       const std::optional<configs::VaeTiling>& tiling, std::uint64_t ranks) {
  const TilePixels whole{.one = width * slab_rows(height, ranks), .slab = ranks > 1};
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
  return {.one = w * h,
          .held = (1 + sent) * w * h + std::min(right, w) * h + std::min(lower, h) * w * columns};
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

std::uint64_t denoise_bytes(const Dims& dims, configs::Dtype dtype, const configs::Request& request,
                            const configs::ParallelConfig& parallel) {
  const std::array<std::int64_t, 4> latent = latent_shape(dims, request);
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t f = sizeof(float);
  const std::uint64_t ring = unsigned_of(parallel.ring);
  const std::uint64_t ulysses = unsigned_of(parallel.ulysses);
  const std::uint64_t tp = unsigned_of(parallel.tp);
  const std::uint64_t all = unsigned_of(latent[1] * (latent[2] / patch_edge) * (latent[3] / patch_edge));
  const std::uint64_t tokens = ceil_div(all, ring * ulysses);
  const std::uint64_t dim = unsigned_of(dims.dim);
  const std::uint64_t head_dim = unsigned_of(dims.head_dim);
  const std::uint64_t heads = ceil_div(unsigned_of(dims.heads), tp);
  const std::uint64_t inner = heads * head_dim;
  const std::uint64_t ffn = ceil_div(unsigned_of(dims.ffn_dim), tp);
  const std::uint64_t text = unsigned_of(text_tokens);
  // Where tp sums what comes out of a block's halves: the ranks' slices, in float32 and as they came.
  const std::uint64_t reduced = tp > 1 ? tokens * dim * (2 * e + 2 * f) : 0;

  // x and its sum, the norm in float32 and its cast; q, k, v before and after RoPE with its products in
  // float32. With tp the norm, which is as wide as the model, can be what takes most.
  const std::uint64_t norm = tokens * dim * (3 * e + 3 * f);
  const std::uint64_t rope = tokens * dim * (3 * e + f) + tokens * inner * (5 * e + 4 * f);
  // q, k, v as they leave, packed, and as they come in with what attention makes of them, which goes back.
  const std::uint64_t exchanged = ceil_div(all, ring) * ceil_div(heads, ulysses) * head_dim;
  std::uint64_t sequence = 0;
  if (ulysses > 1) sequence += tokens * inner * 6 * e + exchanged * 5 * e;
  // The keys and values that attention looks at and the next that come in, and the sum so far in float32.
  if (ring > 1) sequence += exchanged * (8 * e + 3 * f);
  if (sequence > 0) sequence += tokens * dim * 3 * e;
  const std::uint64_t summed = tokens * dim * 3 * e + tokens * inner * e + reduced;
  const std::uint64_t attention =
      std::max({norm, rope, sequence, summed}) + text * dim * 2 * e + text * inner * 3 * e;
  const std::uint64_t feed_forward = tokens * dim * (4 * e + 3 * f) + tokens * ffn * 2 * e + reduced;
  // Matrix libraries pack one operand; samplers keep a few latents; RoPE keeps some tables.
  const std::uint64_t scratch =
      std::max(ffn, inner) * dim * e + 12 * latent_bytes(latent) + 4 * all * head_dim * f;
  // Ranks gather what each predicted. Stages have a clip each in flight: its latents, its texts, and what one
  // stage hands to the next.
  std::uint64_t shared = 0;
  if (parallel.cfg * std::int64_t{parallel.ring} * parallel.ulysses > 1) shared += 4 * latent_bytes(latent);
  if (parallel.pp > 1) {
    shared += unsigned_of(parallel.pp) * (12 * latent_bytes(latent) + 2 * tokens * dim * e +
                                          2 * text * (unsigned_of(dims.text_dim) + dim) * e);
  }
  return std::max(attention, feed_forward) + scratch + shared;
}

std::uint64_t encode_bytes(const nlohmann::json& umt5, configs::Dtype dtype,
                           const configs::ParallelConfig& parallel) {
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t f = sizeof(float);
  const std::uint64_t tp = unsigned_of(parallel.tp);
  const std::uint64_t tokens = unsigned_of(text_tokens);
  const std::uint64_t heads = ceil_div(field(umt5, "heads"), tp);
  const std::uint64_t dim = field(umt5, "dim");
  const std::uint64_t ffn = ceil_div(field(umt5, "ffn_dim"), tp);
  const std::uint64_t reduced = tp > 1 ? tokens * dim * (2 * e + 2 * f) : 0;
  return tokens * (dim * (4 * e + 3 * f) + heads * field(umt5, "head_dim") * 5 * e + ffn * 6 * e) +
         heads * tokens * tokens * (2 * e + 2 * f) + ffn * dim * e + reduced;
}

std::uint64_t decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const configs::Request& request,
                           const std::optional<configs::VaeTiling>& tiling,
                           const configs::ParallelConfig& parallel) {
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t width = unsigned_of(request.width);
  const std::uint64_t height = unsigned_of(request.height);
  const std::uint64_t pixels = width * height;
  const TilePixels tiles = tile_pixels(width, height, tiling, group_size(parallel));
  const std::uint64_t channels = field(vae, "base_dim");
  const std::uint64_t convolutions = 2 * (field(vae, "num_res_blocks") + 1) + 2;
  // At full size a chunk is 4 frames. The widest moment holds an upsampled map of twice the channels, its
  // convolution's input padded by two frames, its output, and what the matrix library reorders; every causal
  // convolution keeps two frames, and the smaller sizes before it no more than half as much again. In float32
  // oneDNN, on machines whose instructions make it, holds the input and the output a second and third time.
  // A slab's input is there once more, with its neighbours' rows.
  const std::uint64_t maps = (dtype == configs::Dtype::float32 ? 36 : 12) + (tiles.slab ? 4 : 0);
  const std::uint64_t chunk = tiles.one * channels * e * 4 * maps;
  const std::uint64_t kept = tiles.one * channels * e * 2 * convolutions * 3 / 2;
  const std::uint64_t clip = 3 * unsigned_of(request.frames);
  const std::uint64_t floats = clip * (2 * e + 2 * sizeof(float) + 1);
  if (!tiles.slab) return chunk + kept + pixels * floats + tiles.held * clip * e;
  // Attention at the smallest size looks at the keys and values of all slabs, which come in packed; frames
  // are gathered as bytes.
  constexpr std::uint64_t latent_pixel = spatial_compression * spatial_compression;
  const auto widths = vae.value("dim_mult", std::vector<std::int64_t>{1});
  const std::uint64_t widest = channels * unsigned_of(*std::ranges::max_element(widths));
  const std::uint64_t attention = pixels / latent_pixel * widest * 2 * 2 * e;
  return chunk + kept + attention + tiles.one * floats + pixels * clip * 2;
}

std::uint64_t embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text) {
  const std::uint64_t tokens = std::min<std::uint64_t>(unsigned_of(text_tokens), text.size() + 2);
  return tokens * field(umt5, "dim") * bytes_of(dtype);
}

}  // namespace ditmill::models::wan
