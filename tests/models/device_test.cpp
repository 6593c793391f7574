// Layers must make every tensor of theirs where their weights are. The meta device has no memory and takes
// part in no operation with tensors of the host, so it shows on any machine what a GPU would refuse.
#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <gtest/gtest.h>
#include <torch/library.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "models/image_encoders/clip_vision.h"
#include "models/samplers/sampler.h"
#include "models/text_encoders/umt5.h"
#include "models/vae/wan_decoder.h"
#include "models/vae/wan_encoder.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tiny_transformer.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models {
namespace {

// Shapes of what LibTorch computes on this device from Python only.

void require_meta(std::initializer_list<at::Tensor> tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && !tensor.is_meta()) throw std::invalid_argument("tensors of two devices");
  }
}

at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                    at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                    bool /*transposed*/, at::IntArrayRef /*output_padding*/, std::int64_t /*groups*/) {
  require_meta({input, weight, bias.value_or(at::Tensor{})});
  std::vector<std::int64_t> shape{input.size(0), weight.size(0)};
  for (std::int64_t i = 2; i < input.dim(); ++i) {
    const auto at = static_cast<std::size_t>(i - 2);
    const std::int64_t reach = dilation[at] * (weight.size(i) - 1) + 1;
    shape.push_back((input.size(i) + 2 * padding[at] - reach) / stride[at] + 1);
  }
  return at::empty(shape, input.options());
}

/// What layer_norm calls where there is no kernel of its own.
std::tuple<at::Tensor, at::Tensor, at::Tensor> normalise(
    const at::Tensor& input, const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias,
    const std::optional<at::Tensor>& /*mean*/, const std::optional<at::Tensor>& /*variance*/,
    bool /*training*/, double /*momentum*/, double /*eps*/) {
  require_meta({input, weight.value_or(at::Tensor{}), bias.value_or(at::Tensor{})});
  const at::Tensor statistics = at::empty({input.size(1)}, input.options());
  return {at::empty_like(input), statistics, statistics};
}

at::Tensor select(const at::Tensor& rows, std::int64_t dim, const at::Tensor& index) {
  require_meta({rows, index});
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[static_cast<std::size_t>(dim)] = index.numel();
  return at::empty(shape, rows.options());
}

at::Tensor& choose(const at::Tensor& condition, const at::Tensor& a, const at::Tensor& b, at::Tensor& out) {
  // A number is a tensor of the host without dimensions.
  for (const at::Tensor& tensor : {condition, a, b}) {
    if (tensor.dim() > 0) require_meta({tensor});
  }
  return out;
}

at::Tensor chosen(const at::Tensor& condition, const at::Tensor& a, const at::Tensor& b) {
  const std::vector<std::int64_t> values = at::infer_size(a.sizes(), b.sizes());
  const at::Tensor& like = a.dim() > 0 ? a : b;
  at::Tensor out = at::empty(at::infer_size(condition.sizes(), values), like.options().device(at::kMeta));
  return choose(condition, a, b, out);
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("convolution_overrideable", convolve);
  library.impl("native_batch_norm", normalise);
  library.impl("index_select", select);
  library.impl("where.self", chosen);
  library.impl("where.self_out", choose);
}

template <typename Shapes>
WeightsView on_meta(const Shapes& shapes) {
  dist::TensorMap tensors;
  for (const auto& [name, shape] : shapes) {
    const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    tensors.emplace(name, at::empty(sizes, at::TensorOptions(at::kFloat).device(at::kMeta)));
  }
  return {std::move(tensors), "meta"};
}

TEST(MetaDevice, TakesNoTensorOfTheHost) {
  const at::Tensor meta = at::empty({3}, at::TensorOptions(at::kFloat).device(at::kMeta));
  EXPECT_ANY_THROW(meta + at::ones({3})) << "else the tests below could not fail";
}

TEST(Layers, OfTheTransformerComputeWhereTheirWeightsAre) {
  const wan::Dims dims = wan::tiny_dims();
  wan::Transformer transformer(on_meta(wan::dit_shapes(dims)), dims, wan::alone());
  const at::TensorOptions options = transformer.options();
  ASSERT_EQ(options.device(), at::kMeta);
  const at::Tensor text = wan::told_text(at::ones({7, dims.text_dim}), options).at("text");
  EXPECT_EQ(text.device(), at::kMeta);
  const at::Tensor flow =
      transformer(at::empty({1, dims.in_channels, 2, 4, 6}, options), at::full({1}, 500.0, options), text);
  EXPECT_EQ(flow.device(), at::kMeta);
  EXPECT_EQ(flow.sizes(), (std::vector<std::int64_t>{1, dims.in_channels, 2, 4, 6}));
}

TEST(Layers, OfTheTransformerThatIsToldOfPicturesComputeWhereTheirWeightsAre) {
  const wan::Dims dims = wan::picture_dims(true);
  wan::Transformer transformer(on_meta(wan::dit_shapes(dims)), dims, wan::alone());
  const at::TensorOptions options = transformer.options();
  const at::Tensor text = wan::told_text(at::ones({7, dims.text_dim}), options).at("text");
  const at::Tensor flow =
      transformer(at::empty({1, dims.in_channels, 2, 4, 6}, options), at::full({1}, 500.0, options), text,
                  at::empty({1, dims.image_tokens, dims.image_dim}, options));
  EXPECT_EQ(flow.device(), at::kMeta);
  EXPECT_EQ(flow.sizes(), (std::vector<std::int64_t>{1, dims.out_channels, 2, 4, 6}));
}

TEST(Layers, OfTheImageEncoderComputeWhereTheirWeightsAre) {
  const ClipVisionDims dims{.dim = 24, .heads = 3, .ffn_dim = 40, .layers = 2, .patch = 56, .tokens = 17};
  const ClipVision encoder(on_meta(clip_vision_shapes(dims)), to_json(dims));
  EXPECT_EQ(encoder.encode(at::randn({2, 3, 224, 224})).device(), at::kMeta)
      << "pixels may come from the host";
}

TEST(Layers, OfTheTextEncoderComputeWhereTheirWeightsAre) {
  const Umt5Dims dims{.vocabulary = 50, .dim = 24, .heads = 3, .head_dim = 10, .ffn_dim = 20, .layers = 2};
  const Umt5Encoder encoder(on_meta(umt5_shapes(dims)), to_json(dims), wan::alone());
  EXPECT_EQ(encoder.encode({5, 7, 1}).device(), at::kMeta);
}

TEST(Layers, OfTheVaesComputeWhereTheirWeightsAre) {
  const configs::VaeTiling tiling{.height = 16, .width = 16, .stride_height = 8, .stride_width = 8};
  for (const WanVaeDims& dims : {tiny_vae(), tiny_vae_22()}) {
    const WanDecoder decoder(on_meta(wan_vae_shapes(dims)), to_json(dims));
    for (const auto& tiles : {std::optional<configs::VaeTiling>{}, std::optional{tiling}}) {
      const at::Tensor pixels = decoder.decode(at::randn({4, 2, 6, 6}), tiles);
      EXPECT_EQ(pixels.device(), at::kMeta) << "latents may come from the host";
      EXPECT_EQ(to_frames(pixels).device(), at::kMeta);
    }
    const WanEncoder encoder(on_meta(wan_vae_shapes(dims)), to_json(dims));
    EXPECT_EQ(encoder.encode(at::randn({1, 3, 5, 16, 16}), std::nullopt).device(), at::kMeta);
  }
}

TEST(Samplers, StayWhereTheSampleIs) {
  for (const configs::Solver solver :
       {configs::Solver::unipc, configs::Solver::euler, configs::Solver::wan_dpmpp}) {
    const auto sampler = make_sampler(solver, 4, 3.0);
    at::Tensor sample = at::empty({1, 4, 1, 2, 2}, at::TensorOptions(at::kFloat).device(at::kMeta));
    for (int step = 0; step < 4; ++step) sample = sampler->advance(at::empty_like(sample), sample);
    EXPECT_EQ(sample.device(), at::kMeta);
  }
}

}  // namespace
}  // namespace ditmill::models
