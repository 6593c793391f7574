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
  const std::uint64_t pixels =
      unsigned_of(pictures * 3 * dims.image_size() * dims.image_size()) * (sizeof(float) + 2 * e);
  const std::uint64_t packed = std::max(dim, unsigned_of(dims.ffn_dim)) * dim * e;
  return with_slack(std::max(attention, feed_forward) + pixels + packed);
}

}  // namespace ditmill::models
