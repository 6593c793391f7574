#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/denoise/denoise.h"
#include "models/image_encoders/clip_vision.h"
#include "models/image_encoders/clip_vision_memory.h"
#include "models/text_encoders/umt5.h"
#include "models/text_encoders/umt5_memory.h"
#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_decoder.h"
#include "models/wan/sizes.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tensor_peak.h"
#include "tests/models/tiny_transformer.h"

namespace ditmill::models::wan {
namespace {

// What an estimate from above may waste before it stops being one.
constexpr std::uint64_t waste = 4;

dist::TensorMap random_weights(const Shapes& shapes, at::ScalarType dtype) {
  dist::TensorMap tensors;
  for (const auto& [name, shape] : shapes) {
    tensors.emplace(name, (at::randn(std::vector<std::int64_t>(shape.begin(), shape.end())) * 0.1).to(dtype));
  }
  return tensors;
}

at::ScalarType scalar(configs::Dtype dtype) {
  return dtype == configs::Dtype::bfloat16 ? at::kBFloat16 : at::kFloat;
}

class ActivationBytes : public ::testing::TestWithParam<configs::Dtype> {
 protected:
  void SetUp() override { TensorPeak::installed(); }

  static void expect_bound(std::uint64_t estimate, std::uint64_t peak) {
    EXPECT_GE(estimate, peak);
    EXPECT_LE(estimate, waste * peak);
  }

  c10::InferenceMode inference_;
};

TEST_P(ActivationBytes, OfDenoisingAreAnEstimateFromAbove) {
  configs::Request request;
  request.width = 384;
  request.height = 256;
  request.frames = 9;
  Transformer transformer = tiny_transformer(tiny_weights(scalar(GetParam())));
  const std::uint64_t peak = TensorPeak::installed().of([&] {
    const std::array<std::int64_t, 4> shape = latent_shape(tiny_dims(), request);
    const at::Tensor text = at::zeros({1, text_tokens, tiny_dims().text_dim}, transformer.dtype());
    const DenoiseInput input{.noise = draw({1, shape[0], shape[1], shape[2], shape[3]}, 1),
                             .told = {{{"text", text}}, {{"text", text}}},
                             .item = {},
                             .sampler = make_sampler(configs::Solver::unipc, 3, 3)};
    TextDenoiser denoiser{transformer};
    denoise(denoiser, {input}, ClassifierFree{5});
  });
  expect_bound(denoise_bytes(tiny_dims(), GetParam(), request), peak);
}

TEST_P(ActivationBytes, OfDenoisingBesidePicturesAreAnEstimateFromAbove) {
  for (const bool first_and_last : {false, true}) {
    Dims dims = picture_dims(first_and_last);
    dims.in_channels = dims.out_channels;
    configs::Request request;
    request.width = 384;
    request.height = 256;
    request.frames = 9;
    Transformer transformer = tiny_transformer(tiny_weights(scalar(GetParam()), 1, dims), dims);
    const std::uint64_t peak = TensorPeak::installed().of([&] {
      const std::array<std::int64_t, 4> shape = latent_shape(dims, request);
      const dist::TensorMap told{
          {"text", at::zeros({1, text_tokens, dims.text_dim}, transformer.dtype())},
          {"image", at::zeros({1, image_tokens_of(dims), dims.image_dim}, transformer.dtype())}};
      const DenoiseInput input{.noise = draw({1, shape[0], shape[1], shape[2], shape[3]}, 1),
                               .told = {told, told},
                               .item = {},
                               .sampler = make_sampler(configs::Solver::unipc, 3, 3)};
      TextDenoiser denoiser{transformer};
      denoise(denoiser, {input}, ClassifierFree{5});
    });
    expect_bound(denoise_bytes(dims, GetParam(), request), peak);
  }
}

TEST_P(ActivationBytes, OfEncodingPicturesAreAnEstimateFromAbove) {
  for (const std::int64_t pictures : {1, 2}) {
    const ClipVisionDims dims{
        .dim = 240, .heads = 3, .ffn_dim = 960, .layers = 3, .patch = 14, .tokens = 257};
    const nlohmann::json json = to_json(dims);
    const WeightsView weights(random_weights(clip_vision_shapes(dims), scalar(GetParam())), "image_encoder");
    const ClipVision encoder(weights, json);
    const std::uint64_t peak = TensorPeak::installed().of([&] {
      encoder.encode(at::randn({pictures, 3, 224, 224}));
    });
    expect_bound(clip_vision_encode_bytes(json, GetParam(), pictures), peak);
  }
}

TEST_P(ActivationBytes, OfEncodingAreAnEstimateFromAbove) {
  const Umt5Dims dims{.vocabulary = 300, .dim = 96, .heads = 6, .head_dim = 16, .ffn_dim = 240, .layers = 2};
  const nlohmann::json json = to_json(dims);
  const WeightsView weights(random_weights(umt5_shapes(dims), scalar(GetParam())), "text_encoder");
  const Umt5Encoder encoder(weights, json, alone());
  const std::uint64_t peak = TensorPeak::installed().of([&] { encoder.encode({5, 6, 7, 1}); });
  expect_bound(umt5_encode_bytes(json, GetParam()), peak);
}

TEST_P(ActivationBytes, OfDecodingAreAnEstimateFromAbove) {
  WanVaeDims dims{.base_dim = 8,
                  .z_dim = 16,
                  .dim_mult = {1, 2, 4, 4},
                  .num_res_blocks = 2,
                  .temporal_downsample = {false, true, true},
                  .latents_mean = std::vector<double>(16, 0.0),
                  .latents_std = std::vector<double>(16, 1.0)};
  const nlohmann::json json = to_json(dims);
  const WeightsView weights(random_weights(wan_vae_shapes(dims), scalar(GetParam())), "vae");
  const WanDecoder decoder(weights, json);
  for (const int frames : {1, 5, 9}) {
    configs::Request request;
    request.width = 64;
    request.height = 48;
    request.frames = frames;
    const std::array<std::int64_t, 4> shape = latent_shape(tiny_dims(), request);
    const std::uint64_t peak = TensorPeak::installed().of([&] {
      to_frames(decoder.decode(draw({shape[0], shape[1], shape[2], shape[3]}, 1)));
    });
    const std::uint64_t estimate = wan_decode_bytes(json, GetParam(), this_cpu(), request);
    EXPECT_GE(estimate, peak) << frames << " frames";
    if (frames > 1) {
      EXPECT_LE(estimate, waste * peak) << frames << " frames";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ActivationBytes,
                         ::testing::Values(configs::Dtype::float32, configs::Dtype::bfloat16),
                         [](const auto& info) { return std::string(configs::name(info.param)); });

}  // namespace
}  // namespace ditmill::models::wan
