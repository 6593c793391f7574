#pragma once

#include "dist/parallel_context.h"
#include "models/parallel/linear.h"
#include "models/parallel/row_linear.h"
#include "models/wan/attention.h"
#include "models/wan/dims.h"
#include "models/wan/modulation.h"

namespace ditmill::models::wan {

/// One block: modulated self-attention, cross-attention to the text and to pictures, modulated feed-forward;
/// each added to x.
/// Norms, modulation and gates are computed in float32, the rest in the model's dtype.
class Block {
 public:
  Block(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel);

  /// x [batch, my tokens, dim]; text [batch, text tokens, dim]; image [batch, image tokens, dim], undefined
  /// where there are no pictures; modulation, of rows [batch, 6, dim]: shift, scale and gate of the
  /// self-attention, then of the feed-forward.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& text, const at::Tensor& image,
                        const Modulation& modulation, const Tokens& tokens) const;

 private:
  std::int64_t ffn_part_;
  double eps_;
  Attention attn1_, attn2_;
  at::Tensor norm2_weight_, norm2_bias_;
  Linear ffn_in_;
  RowLinear ffn_out_;
  at::Tensor table_;
};

}  // namespace ditmill::models::wan
