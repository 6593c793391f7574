#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "models/parallel/linear.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// What CLIP says of pictures, at the blocks' width: norm2(out(gelu(in(norm1(image + positions))))), the GELU
/// exact. Norms are computed in float32; only models of a first and a last picture have positions.
class ImageEmbedder {
 public:
  ImageEmbedder(const WeightsView& weights, const Dims& dims);

  /// image [batch, image tokens, image_dim] to [batch, image tokens, dim], in its dtype. Throws
  /// Error(internal) for another width, and for other tokens than there are positions.
  at::Tensor operator()(const at::Tensor& image) const;

 private:
  struct Norm {
    Norm(const WeightsView& weights, std::int64_t width);
    at::Tensor operator()(const at::Tensor& x) const;

    at::Tensor weight, bias;
  };

  std::int64_t width_;
  Norm norm1_;
  Linear in_, out_;
  Norm norm2_;
  std::optional<at::Tensor> positions_;  ///< [1, image tokens, image_dim]
};

}  // namespace ditmill::models::wan
