#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "models/denoise/denoise.h"
#include "models/large_blocks.h"
#include "models/text_encoders/umt5.h"
#include "models/text_encoders/umt5_memory.h"
#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_decoder.h"
#include "models/wan/sizes.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tensor_peak.h"
#include "tests/models/tiny_transformer.h"
#include "tests/models/tiny_vae.h"

namespace ditmill::models::wan {
namespace {

constexpr std::uint64_t large = 300'000'000;

/// A field of /proc/self/status, in bytes.
std::uint64_t process_memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size() + 1)) * 1024;
  }
  return 0;
}

/// Estimates beside what is held where activations are large: tensors, and the process as the kernel sees it.
class LargeActivations : public ::testing::TestWithParam<configs::Dtype> {
 protected:
  void SetUp() override {
    give_large_blocks_back();
    use_huge_pages();
    TensorPeak::installed();
  }

  at::ScalarType dtype() const { return GetParam() == configs::Dtype::bfloat16 ? at::kBFloat16 : at::kFloat; }

  template <typename Body>
  static void expect_close(const std::string& what, std::uint64_t planned, const Body& body) {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
    const std::uint64_t before = process_memory("VmRSS");
    const std::uint64_t tensors = TensorPeak::installed().of(body);
    const std::uint64_t resident = process_memory("VmHWM") - before;
    const auto ratio = [&](std::uint64_t peak) {
      return static_cast<double>(planned) / static_cast<double>(peak);
    };
    std::printf("%-28s %-9s planned %5.0f MB, tensors %5.0f (%.2f), resident %5.0f (%.2f)\n", what.c_str(),
                std::string(configs::name(GetParam())).c_str(), static_cast<double>(planned) * 1e-6,
                static_cast<double>(tensors) * 1e-6, ratio(tensors), static_cast<double>(resident) * 1e-6,
                ratio(resident));
    const std::uint64_t peak = std::max(tensors, resident);
    EXPECT_GE(tensors, large) << what << " is too small to tell";
    EXPECT_GE(ratio(peak), 1.0) << what;
    EXPECT_LE(ratio(peak), 1.35) << what;
  }

  static WanVaeDims vae(std::int64_t base) {
    return {.base_dim = base,
            .z_dim = 16,
            .dim_mult = {1, 2, 4, 4},
            .num_res_blocks = 1,
            .temporal_downsample = {false, true, true},
            .latents_mean = std::vector<double>(16, 0.0),
            .latents_std = std::vector<double>(16, 1.0)};
  }
  static WanVaeDims vae_22(std::int64_t base) {
    WanVaeDims dims = vae(base);
    dims.is_residual = true;
    dims.patch_size = 2;
    return dims;
  }

  void decode(const WanVaeDims& dims, int width, int height, int frames,
              const std::optional<configs::VaeTiling>& tiling = {}) const {
    const WeightsView weights(random_vae_weights(dims, false, dtype()), "vae");
    const WanDecoder decoder(weights, to_json(dims));
    configs::Request request;
    request.width = width;
    request.height = height;
    request.frames = frames;
    const at::Tensor latents =
        at::randn({16, (frames - 1) / 4 + 1, height / dims.spatial_scale(), width / dims.spatial_scale()});
    expect_close((dims.is_residual ? "decode 2.2, " : "decode, ") + std::to_string(dims.base_dim) +
                     " channels" + (tiling ? ", tiles" : ""),
                 wan_decode_bytes(to_json(dims), GetParam(), this_cpu(), request, tiling),
                 [&] { to_frames(decoder.decode(latents, tiling)); });
  }

  void denoise_once(const Dims& dims, int width, int height, int frames) const {
    configs::Request request;
    request.width = width;
    request.height = height;
    request.frames = frames;
    dist::TensorMap tensors;
    for (const auto& [name, shape] : dit_shapes(dims)) {
      const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
      tensors.emplace(name, (at::randn(sizes) * 0.02).to(is_float32_island(name) ? at::kFloat : dtype()));
    }
    const WeightsView weights(std::move(tensors), "dit");
    Transformer transformer(weights, dims, alone());
    weights.finish();
    const std::array<std::int64_t, 4> shape = latent_shape(dims, request);
    const at::Tensor text = at::zeros({1, text_tokens, dims.text_dim}, transformer.dtype());
    DenoiseInput input{.noise = draw({1, shape[0], shape[1], shape[2], shape[3]}, 1),
                       .told = {{{"text", text}}},
                       .item = {},
                       .sampler = make_sampler(configs::Solver::unipc, 1, 3)};
    expect_close("denoise, " + std::to_string(dims.dim) + " to " + std::to_string(dims.ffn_dim),
                 denoise_bytes(dims, GetParam(), request), [&] {
                   TextDenoiser denoiser{transformer};
                   denoise(denoiser, {input}, NoGuidance{});
                 });
  }

  void encode(const Umt5Dims& dims) const {
    dist::TensorMap tensors;
    for (const auto& [name, shape] : umt5_shapes(dims)) {
      const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
      tensors.emplace(name, (at::randn(sizes) * 0.02).to(dtype()));
    }
    const nlohmann::json json = to_json(dims);
    const WeightsView weights(std::move(tensors), "text_encoder");
    const Umt5Encoder encoder(weights, json, alone());
    expect_close("encode, " + std::to_string(dims.heads) + " heads", umt5_encode_bytes(json, GetParam()),
                 [&] {
                   encoder.encode({5, 6, 7, 1});
                 });
  }

  c10::InferenceMode inference_;
};

TEST_P(LargeActivations, OfDecodingAreEstimatedClosely) {
  // LibTorch's own loops take long, and most memory, for the first frame already.
  if (GetParam() == configs::Dtype::bfloat16 && !this_cpu().native_bfloat16)
    return decode(vae(8), 1024, 512, 1);
  decode(vae(16), 640, 512, 5);
  decode(vae(16), 1024, 640, 5,
         configs::VaeTiling{.height = 512, .width = 640, .stride_height = 384, .stride_width = 512});
}

TEST_P(LargeActivations, OfDecodingWithWan22AreEstimatedClosely) {
  if (GetParam() == configs::Dtype::bfloat16 && !this_cpu().native_bfloat16)
    return decode(vae_22(8), 2048, 1024, 1);
  decode(vae_22(16), 1280, 1024, 5);
  decode(vae_22(16), 2048, 1280, 5,
         configs::VaeTiling{.height = 1024, .width = 1280, .stride_height = 768, .stride_width = 1024});
}

TEST_P(LargeActivations, OfDenoisingAreEstimatedClosely) {
  // What is widest is the feed-forward, or rotated keys in float32, and in bfloat16 what follows them.
  for (const std::int64_t ffn : {8960, 1024}) {
    if (ffn > 1024 && GetParam() == configs::Dtype::bfloat16) continue;
    const Dims dims{.dim = 1536,
                    .heads = 12,
                    .head_dim = 128,
                    .ffn_dim = ffn,
                    .layers = 1,
                    .in_channels = 16,
                    .out_channels = 16,
                    .text_dim = 256,
                    .freq_dim = 256};
    denoise_once(dims, 640, 512, 25);
  }
}

TEST_P(LargeActivations, OfEncodingAreEstimatedClosely) {
  // The bias of many heads.
  encode({.vocabulary = 300, .dim = 512, .heads = 320, .head_dim = 16, .ffn_dim = 512, .layers = 1});
}

INSTANTIATE_TEST_SUITE_P(Dtypes, LargeActivations,
                         ::testing::Values(configs::Dtype::float32, configs::Dtype::bfloat16),
                         [](const auto& info) { return std::string(configs::name(info.param)); });

}  // namespace
}  // namespace ditmill::models::wan
