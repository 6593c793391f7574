#include "models/wan/image_embedder.h"

#include <ATen/ATen.h>

#include <string>

#include "configs/error.h"

namespace ditmill::models::wan {

ImageEmbedder::Norm::Norm(const WeightsView& weights, std::int64_t width)
    : weight(weights.take("weight", {width})), bias(weights.take("bias", {width})) {}

at::Tensor ImageEmbedder::Norm::operator()(const at::Tensor& x) const {
  constexpr double eps = 1e-5;  // not the blocks'
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weight, bias, eps).to(x.scalar_type());
}

ImageEmbedder::ImageEmbedder(const WeightsView& weights, const Dims& dims)
    : width_(dims.image_dim),
      norm1_(weights.scope("norm1"), dims.image_dim),
      in_(weights.scope("ff.net.0.proj"), dims.image_dim, dims.image_dim),
      out_(weights.scope("ff.net.2"), dims.image_dim, dims.dim),
      norm2_(weights.scope("norm2"), dims.dim) {
  if (dims.image_tokens > 0) positions_ = weights.take("pos_embed", {1, dims.image_tokens, dims.image_dim});
}

at::Tensor ImageEmbedder::operator()(const at::Tensor& image) const {
  const bool fits =
      image.dim() == 3 && image.size(2) == width_ && (!positions_ || image.size(1) == positions_->size(1));
  if (!fits) {
    throw Error{Category::internal,
                "tell the transformer what its pictures show",
                {},
                Expected{"[batch, " + (positions_ ? std::to_string(positions_->size(1)) : "tokens") + ", " +
                         std::to_string(width_) + "]"},
                Got{c10::str(image.sizes())}};
  }
  const at::Tensor placed = positions_ ? image + *positions_ : image;
  return norm2_(out_(at::gelu(in_(norm1_(placed)))));
}

}  // namespace ditmill::models::wan
