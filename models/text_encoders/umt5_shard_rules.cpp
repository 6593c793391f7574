#include "models/text_encoders/umt5_shard_rules.h"

#include <array>

#include "models/text_encoders/umt5_names.h"

namespace ditmill::models {

dist::ShardRule umt5_rule(const Umt5Dims& dims, std::string_view tensor) {
  if (tensor == umt5_names::shared || tensor == umt5_names::embed_tokens) return {.dim = 0};
  struct Cut {
    std::string_view ending;
    int dim;
    std::int64_t unit;
  };
  const std::array<Cut, 8> cuts{{{".SelfAttention.q.weight", 0, dims.head_dim},
                                 {".SelfAttention.k.weight", 0, dims.head_dim},
                                 {".SelfAttention.v.weight", 0, dims.head_dim},
                                 {".SelfAttention.o.weight", 1, dims.head_dim},
                                 {".SelfAttention.relative_attention_bias.weight", 1, 1},
                                 {".DenseReluDense.wi_0.weight", 0, 1},
                                 {".DenseReluDense.wi_1.weight", 0, 1},
                                 {".DenseReluDense.wo.weight", 1, 1}}};
  for (const Cut& cut : cuts) {
    if (tensor.ends_with(cut.ending)) return {.dim = cut.dim, .unit = cut.unit};
  }
  return {};
}

}  // namespace ditmill::models
