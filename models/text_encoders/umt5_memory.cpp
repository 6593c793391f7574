#include "models/text_encoders/umt5_memory.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/byte_counts.h"
#include "models/text_encoders/umt5_dims.h"

namespace ditmill::models {

std::uint64_t umt5_encode_bytes(const nlohmann::json& umt5, configs::Dtype dtype,
                                const configs::ParallelConfig& parallel) {
  const std::uint64_t e = bytes_of(dtype);
  const std::uint64_t f = sizeof(float);
  const std::uint64_t tp = unsigned_of(parallel.tp);
  const std::uint64_t tokens = unsigned_of(umt5_text_tokens);
  const std::uint64_t heads = ceil_div(size_in(umt5, "heads"), tp);
  const std::uint64_t dim = size_in(umt5, "dim");
  const std::uint64_t ffn = ceil_div(size_in(umt5, "ffn_dim"), tp);
  const std::uint64_t reduced = tp > 1 ? tokens * dim * (2 * e + 2 * f) : 0;
  const std::uint64_t inner = heads * size_in(umt5, "head_dim");
  // The positions' bias is there twice, before and after it is masked or packed, beside q, k, v and what
  // attention makes of them; GELU is seven maps, operator by operator.
  const std::uint64_t attention = tokens * (dim * 3 * e + inner * 4 * e) + heads * tokens * tokens * 2 * e;
  const std::uint64_t feed_forward = tokens * (dim * 4 * e + ffn * 7 * e);
  const std::uint64_t norm = tokens * dim * (4 * e + 3 * f);
  // Where the ranks' shares of a half are summed, what they come from is still there, but not what made that.
  const std::uint64_t summed = tokens * (dim * 3 * e + std::max(inner, ffn) * e) + reduced;
  return with_slack(std::max({attention, feed_forward, norm, summed}));
}

std::uint64_t umt5_embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text) {
  const std::uint64_t tokens = std::min<std::uint64_t>(unsigned_of(umt5_text_tokens), text.size() + 2);
  return tokens * size_in(umt5, "dim") * bytes_of(dtype);
}

}  // namespace ditmill::models
