#include "models/wan/sizes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "models/vae/wan_decoder_memory.h"

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

/// With what following operators leaves out: what threads of attention work in, small tensors, holes in the
/// heap.
std::uint64_t with_slack(std::uint64_t bytes) { return bytes + bytes / 10 + (std::uint64_t{1} << 20); }

/// Rows of latents are shared out over the group's ranks.
std::uint64_t slab_rows(std::uint64_t height, std::uint64_t ranks) {
  constexpr std::uint64_t scale = spatial_compression;
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

DecodedPixels decoded_pixels(std::uint64_t width, std::uint64_t height,
                             const std::optional<configs::VaeTiling>& tiling, std::uint64_t ranks) {
  const DecodedPixels whole{.width = width, .height = slab_rows(height, ranks), .slab = ranks > 1};
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

std::vector<Problem> check_sizes(const configs::Request& request) {
  std::vector<Problem> problems;
  const auto multiple = [&](const char* name, int value) {
    if (value > 0 && value % pixel_step == 0) return;
    problems.push_back({.message = std::string(name) + " does not fit Wan's latents",
                        .expected = "a multiple of " + std::to_string(pixel_step),
                        .got = std::to_string(value),
                        .nearest = std::to_string(nearest(value, pixel_step, 0, pixel_step)),
                        .field = name});
  };
  multiple("width", request.width);
  multiple("height", request.height);
  if (request.frames < 1 || request.frames % frame_step != 1) {
    problems.push_back({.message = "frames does not fit Wan's latents",
                        .expected = "a multiple of " + std::to_string(frame_step) + ", plus 1",
                        .got = std::to_string(request.frames),
                        .nearest = std::to_string(nearest(request.frames, frame_step, 1, 1)),
                        .field = "frames"});
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

  // A map's copy in float32, and what it is cast back to.
  const std::uint64_t wide = e < f ? f : 0;
  const std::uint64_t cast = e < f ? e : 0;
  // Of each half of a block, what is held at its widest, operator by operator: keys as they are normalised
  // and rotated beside x, its norm and the queries; sums with what is added; what comes before and after the
  // feed-forward's middle. With tp the norm, which is as wide as the model, can be what takes most.
  const std::uint64_t keys = tokens * (dim * 2 * e + inner * (2 * e + std::max(wide + 2 * f, 2 * e + 2 * f)));
  const std::uint64_t queries = tokens * (dim * 3 * e + inner * (e + wide + 2 * f));
  // q, k, v as they leave, packed, and as they come in with what attention makes of them, which goes back.
  const std::uint64_t exchanged = ceil_div(all, ring) * ceil_div(heads, ulysses) * head_dim;
  std::uint64_t sequence = 0;
  if (ulysses > 1) sequence += tokens * inner * 6 * e + exchanged * 5 * e;
  // The keys and values that attention looks at and the next that come in, and the sum so far in float32.
  if (ring > 1) sequence += exchanged * (8 * e + 3 * f);
  if (sequence > 0) sequence += tokens * dim * 3 * e;
  const std::uint64_t summed = tokens * (dim * 4 * e + inner * 3 * e) + reduced;
  const std::uint64_t attention =
      std::max({keys, queries, sequence, summed}) + text * dim * 2 * e + text * inner * 3 * e;
  const std::uint64_t feed_forward = tokens * (dim * 4 * e + ffn * e) + reduced;
  const std::uint64_t last = tokens * dim * (3 * e + 2 * wide + 2 * f + cast);
  // What came into the first block stays until the last is done.
  const std::uint64_t entered = dims.layers > 1 ? tokens * dim * e : 0;
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
  return std::max({attention, feed_forward, last}) + entered + scratch + shared;
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
  const std::uint64_t inner = heads * field(umt5, "head_dim");
  // The positions' bias is there twice, before and after it is masked or packed, beside q, k, v and what
  // attention makes of them; GELU is seven maps, operator by operator.
  const std::uint64_t attention = tokens * (dim * 3 * e + inner * 4 * e) + heads * tokens * tokens * 2 * e;
  const std::uint64_t feed_forward = tokens * (dim * 4 * e + ffn * 7 * e);
  const std::uint64_t norm = tokens * dim * (4 * e + 3 * f);
  // Where the ranks' shares of a half are summed, what they come from is still there, but not what made that.
  const std::uint64_t summed = tokens * (dim * 3 * e + std::max(inner, ffn) * e) + reduced;
  return with_slack(std::max({attention, feed_forward, norm, summed}));
}

std::uint64_t decode_bytes(const nlohmann::json& vae, configs::Dtype dtype, const CpuKind& cpu,
                           const configs::Request& request, const std::optional<configs::VaeTiling>& tiling,
                           const configs::ParallelConfig& parallel) {
  const WanVaeDims dims = wan_vae_dims_from_json(vae);
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t width = unsigned_of(request.width);
  const std::uint64_t height = unsigned_of(request.height);
  const DecodedPixels pixels = decoded_pixels(width, height, tiling, group_size(parallel));
  const DecodedLatents latents{.frames = unsigned_of((request.frames - 1) / temporal_compression + 1),
                               .height = pixels.height / spatial_compression,
                               .width = pixels.width / spatial_compression,
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
  const std::uint64_t others = width / spatial_compression * (height / spatial_compression) * widest * 4 * e;
  const std::uint64_t slab = pixels.width * pixels.height * clip;
  return with_slack(std::max(layers + others + slab * e, slab * to_bytes + width * height * clip * 2));
}

std::uint64_t embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text) {
  const std::uint64_t tokens = std::min<std::uint64_t>(unsigned_of(text_tokens), text.size() + 2);
  return tokens * field(umt5, "dim") * bytes_of(dtype);
}

}  // namespace ditmill::models::wan
