#include "models/wan/sizes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "models/byte_counts.h"

namespace ditmill::models::wan {
namespace {

constexpr std::int64_t wide_channels = 48;  ///< of VAE 2.2's latents
constexpr std::int64_t wide_scale = 16;     ///< and the pixels along an edge of one
constexpr int frame_step = static_cast<int>(temporal_compression);

/// The number nearest to `value` of the form offset + k * step, k >= 0; the smaller of two equally near.
std::int64_t nearest(std::int64_t value, std::int64_t step, std::int64_t offset, std::int64_t least) {
  const std::int64_t k = (std::max(value, least) - offset + (step - 1) / 2) / step;
  return std::max(offset + k * step, least);
}

}  // namespace

Dims dims_of(const HyperParameters& all, std::string_view transformer) {
  Dims dims = dims_from_json(all.find(transformer)->second);
  const auto vae = all.find("vae");
  if (vae != all.end()) {
    dims.spatial_scale = vae->second.at("spatial_scale");
  } else if (dims.out_channels == wide_channels) {
    dims.spatial_scale = wide_scale;
  }
  return dims;
}

std::vector<Problem> check_sizes(const Dims& dims, const configs::Request& request) {
  const auto pixel_step = static_cast<int>(dims.spatial_scale * patch_edge);
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
  const std::array<std::int64_t, 4> shape{dims.out_channels, (request.frames - 1) / temporal_compression + 1,
                                          request.height / dims.spatial_scale,
                                          request.width / dims.spatial_scale};
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
  const std::uint64_t image = unsigned_of(image_tokens_of(dims));
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
      std::max({keys, queries, sequence, summed}) + (text + image) * (dim * 2 * e + inner * 3 * e);
  const std::uint64_t feed_forward = tokens * (dim * 4 * e + ffn * e) + reduced;
  const std::uint64_t last = tokens * dim * (3 * e + 2 * wide + 2 * f + cast);
  // What came into the first block stays until the last is done.
  const std::uint64_t entered = dims.layers > 1 ? tokens * dim * e : 0;
  // Beside the latents what they are conditioned on, and both as they enter.
  const std::array<std::int64_t, 4> entering{dims.in_channels, latent[1], latent[2], latent[3]};
  const std::uint64_t conditioned = dims.in_channels > dims.out_channels ? 2 * latent_bytes(entering) : 0;
  // Pictures' tokens on their way to the blocks' width, in float32 for their norms.
  const std::uint64_t embedded = image * std::max(dim, unsigned_of(dims.image_dim)) * (2 * e + 2 * f);
  // Matrix libraries pack one operand; samplers keep a few latents; RoPE keeps some tables.
  const std::uint64_t scratch =
      std::max(ffn, inner) * dim * e + 12 * latent_bytes(latent) + 4 * all * head_dim * f;
  // Ranks gather what each predicted. Stages have a clip each in flight: its latents, its texts, and what one
  // stage hands to the next.
  std::uint64_t shared = 0;
  if (parallel.cfg * std::int64_t{parallel.ring} * parallel.ulysses > 1) shared += 4 * latent_bytes(latent);
  if (parallel.pp > 1) {
    shared += unsigned_of(parallel.pp) * (12 * latent_bytes(latent) + 2 * tokens * dim * e +
                                          2 * text * (unsigned_of(dims.text_dim) + dim) * e +
                                          2 * image * (unsigned_of(dims.image_dim) + dim) * e + conditioned);
  }
  return std::max({attention, feed_forward, last, embedded}) + entered + scratch + shared + conditioned;
}

}  // namespace ditmill::models::wan
