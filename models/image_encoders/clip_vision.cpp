#include "models/image_encoders/clip_vision.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <string>

#include "configs/error.h"

namespace ditmill::models {
namespace {

/// A tensor of the encoder by the shape that its naming has.
at::Tensor take_stated(const WeightsView& weights, const Shapes& shapes, const std::string& name) {
  const std::vector<std::uint64_t>& shape = shapes.at(name);
  return weights.take(name, {shape.begin(), shape.end()});
}

std::vector<ClipVisionLayer> make_clip_layers(const WeightsView& weights, const ClipVisionDims& dims) {
  std::vector<ClipVisionLayer> layers;
  layers.reserve(static_cast<std::size_t>(dims.layers));
  for (std::int64_t layer = 0; layer + 1 < dims.layers; ++layer) layers.emplace_back(weights, dims, layer);
  return layers;
}

}  // namespace

ClipVision::ClipVision(const WeightsView& weights, const nlohmann::json& hyper_parameters)
    : dims_(clip_vision_dims_from_json(hyper_parameters)),
      norm_(weights.scope("vision_model").scope("pre_layrnorm"), dims_),
      layers_(make_clip_layers(weights, dims_)) {
  const Shapes shapes = clip_vision_shapes(dims_);
  const std::string embeddings = "vision_model.embeddings.";
  class_ = take_stated(weights, shapes, embeddings + "class_embedding").view({dims_.dim});
  patches_ = take_stated(weights, shapes, embeddings + "patch_embedding.weight");
  positions_ =
      take_stated(weights, shapes, embeddings + "position_embedding.weight").view({dims_.tokens, dims_.dim});
  for (const auto& [name, shape] : shapes) {
    if (!clip_vision_needs(dims_, name)) take_stated(weights, shapes, name);
  }
}

at::Tensor ClipVision::encode(const at::Tensor& pixels) const {
  const std::int64_t size = dims_.image_size();
  if (pixels.dim() != 4 || pixels.size(1) != 3 || pixels.size(2) != size || pixels.size(3) != size) {
    throw Error{Category::internal,
                "encode a picture",
                {},
                Expected{"[pictures, 3, " + std::to_string(size) + ", " + std::to_string(size) + "]"},
                Got{c10::str(pixels.sizes())}};
  }
  // In float32, rounded once: for such strides in bfloat16 oneDNN takes a hundred MB a thread where it has
  // AMX.
  const at::Tensor cut = at::conv2d(pixels.to(patches_.options()).to(at::kFloat), patches_.to(at::kFloat), {},
                                    {dims_.patch, dims_.patch})
                             .to(patches_.scalar_type());
  at::Tensor x = at::cat({class_.expand({pixels.size(0), 1, dims_.dim}), cut.flatten(2).transpose(1, 2)}, 1);
  x = norm_(x + positions_);
  for (const ClipVisionLayer& layer : layers_) x = layer(x);
  return x;
}

}  // namespace ditmill::models
