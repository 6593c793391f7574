#pragma once

#include <optional>
#include <utility>

#include "dist/exchange/token_shares.h"
#include "dist/parallel_context.h"
#include "models/parallel/linear.h"
#include "models/parallel/row_linear.h"
#include "models/wan/dims.h"
#include "models/wan/rope.h"

namespace ditmill::models::wan {

/// An item's tokens as this rank holds them: its share, and their RoPE angles.
struct Tokens {
  Tokens(dist::TokenShares their_shares, RopeTable their_rope)
      : shares(their_shares), rope(std::move(their_rope)) {}

  dist::TokenShares shares;
  RopeTable rope;
};

/// Attention with RMS norms over all heads of q and k (before they are split), no mask, and biases
/// everywhere. Holds this rank's heads of the tp axis. Cross-attention of models that take pictures has keys
/// and values of its own for their tokens.
class Attention {
 public:
  enum class Pictures { no, yes };

  Attention(const WeightsView& weights, const Dims& dims, const dist::ParallelContext& parallel,
            Pictures pictures = Pictures::no);

  /// x [batch, my tokens, dim] attends to the tokens of all ranks, with RoPE.
  at::Tensor self(const at::Tensor& x, const Tokens& tokens) const;
  /// x [batch, my tokens, dim] attends to text [batch, text tokens, dim], without RoPE; and by itself to
  /// image [batch, image tokens, dim], undefined where there are no pictures: both results are added.
  at::Tensor cross(const at::Tensor& x, const at::Tensor& text, const at::Tensor& image) const;

 private:
  struct PictureKeys {
    Linear to_k, to_v;
    at::Tensor norm_k;
  };

  std::optional<PictureKeys> picture_keys(const WeightsView& weights, Pictures pictures) const;
  at::Tensor split(const at::Tensor& x) const { return x.unflatten(2, {heads_, head_dim_}); }
  /// x [batch, tokens, heads * head_dim], normed, as heads, turned by the angles; null: they are not.
  at::Tensor normed(const at::Tensor& x, const at::Tensor& weight, const RopeTable* rope = nullptr) const;
  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const;

  dist::ParallelContext parallel_;
  std::int64_t heads_;
  std::int64_t head_dim_;
  std::int64_t dim_;
  double eps_;
  Linear to_q_, to_k_, to_v_;
  RowLinear to_out_;
  at::Tensor norm_q_, norm_k_;
  std::optional<PictureKeys> pictures_;
};

}  // namespace ditmill::models::wan
