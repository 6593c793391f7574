#include "models/image_encoders/clip_vision_memory.h"

#include <algorithm>

#include "models/byte_counts.h"
#include "models/image_encoders/clip_vision_dims.h"

namespace ditmill::models {

std::uint64_t clip_vision_encode_bytes(const nlohmann::json& clip, configs::Dtype dtype,
                                       std::int64_t pictures) {
  const ClipVisionDims dims = clip_vision_dims_from_json(clip);
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t tokens = unsigned_of(pictures) * unsigned_of(dims.tokens);
  const std::uint64_t dim = unsigned_of(dims.dim);
  // The states, their norm, and q, k, v with what attention makes of them; or the feed-forward's middle, with
  // its GELU.
  const std::uint64_t attention = tokens * dim * 7 * e;
  const std::uint64_t feed_forward = tokens * (dim * 3 * e + unsigned_of(dims.ffn_dim) * 2 * e);
  // Pixels as they are convolved; the kernels twice in float32, as they are and as a library reorders them;
  // and what comes out, before it is rounded and after.
  const std::uint64_t f = sizeof(float);
  const std::uint64_t edge = unsigned_of(dims.image_size());
  const std::uint64_t patch = unsigned_of(dims.patch);
  const std::uint64_t pixels = unsigned_of(pictures) * 3 * edge * edge * (2 * f + e);
  const std::uint64_t convolved = pixels + 3 * patch * patch * dim * 2 * f + tokens * dim * (2 * f + 2 * e);
  const std::uint64_t packed = std::max(dim, unsigned_of(dims.ffn_dim)) * dim * e;
  return with_slack(std::max(convolved, std::max(attention, feed_forward) + packed));
}

}  // namespace ditmill::models
