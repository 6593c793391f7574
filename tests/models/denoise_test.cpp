#include "models/denoise/denoise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "configs/error.h"
#include "models/denoise/guidance.h"
#include "models/samplers/noise.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tiny_transformer.h"

namespace ditmill::models::wan {
namespace {

constexpr std::array<std::int64_t, 4> shape{16, 1, 4, 4};

DenoiseInput tiny_input(double guidance) {
  return {.noise = initial_noise(5, shape),
          .told = told_text(draw({9, tiny_dims().text_dim}, 1), at::kFloat),
          .told_instead = told_text(draw({2, tiny_dims().text_dim}, 2), at::kFloat),
          .guidance_scale = guidance,
          .item = "tabby"};
}

at::Tensor run(DenoiseInput input, int steps = 3) {
  Transformer transformer = tiny_transformer();
  input.sampler = make_sampler(configs::Solver::unipc, steps, 3);
  TextDenoiser denoiser{transformer};
  return denoise(denoiser, {&input, 1}).front().latents;
}

TEST(ToldText, PutsZerosBehindTheTokens) {
  const at::Tensor padded = told_text(at::ones({3, 8}), at::kBFloat16).at("text");
  EXPECT_EQ(padded.sizes(), (at::IntArrayRef{1, 512, 8}));
  EXPECT_EQ(padded.scalar_type(), at::kBFloat16);
  EXPECT_EQ(padded.sum(at::kFloat).item<float>(), 24.0F);
  EXPECT_EQ(padded[0].narrow(0, 0, 3).min().item<float>(), 1.0F);
}

TEST(ToldText, TakesATextOfFullLength) {
  EXPECT_TRUE(at::equal(told_text(at::ones({512, 2}), at::kFloat).at("text"), at::ones({1, 512, 2})));
}

TEST(Guide, ExtrapolatesFromTheUnconditional) {
  EXPECT_TRUE(at::equal(guide(at::tensor({3.0F}), at::tensor({1.0F}), 5), at::tensor({11.0F})));
  EXPECT_FALSE(guided(1));
  EXPECT_FALSE(guided(0));
  EXPECT_TRUE(guided(1.01));
}

TEST(Denoise, LooksAtTheNegativeOnlyWhereGuidanceIsOn) {
  DenoiseInput other = tiny_input(1);
  other.told_instead = {};
  EXPECT_TRUE(at::equal(run(tiny_input(1)), run(other)));
  EXPECT_FALSE(at::equal(run(tiny_input(1)), run(tiny_input(5))));
}

TEST(Denoise, SaysAtWhichStepTheLatentsFirstWereNotFinite) {
  dist::TensorMap weights = tiny_weights();
  weights["proj_out.bias"].fill_(std::numeric_limits<float>::quiet_NaN());
  Transformer transformer = tiny_transformer(weights);
  DenoiseInput input = tiny_input(5);
  input.sampler = make_sampler(configs::Solver::euler, 4, 3);
  TextDenoiser denoiser{transformer};
  const std::optional<Error> failure = denoise(denoiser, {&input, 1}).front().failure;
  ASSERT_TRUE(failure) << "NaN went through";
  EXPECT_EQ(failure->category(), Category::numeric);
  EXPECT_THAT(failure->what(), ::testing::HasSubstr("after step 1 of 4"));
  EXPECT_EQ(failure->where().item, "tabby");
}

TEST(Denoise, AClipThatFailsLeavesTheOthersAlone) {
  Transformer transformer = tiny_transformer();
  std::vector<DenoiseInput> inputs{tiny_input(5), tiny_input(5)};
  for (DenoiseInput& input : inputs) input.sampler = make_sampler(configs::Solver::unipc, 3, 3);
  inputs[0].noise = at::full_like(inputs[0].noise, std::numeric_limits<float>::infinity());
  TextDenoiser denoiser{transformer};
  const std::vector<Denoised> made = denoise(denoiser, inputs);
  EXPECT_TRUE(made[0].failure);
  ASSERT_FALSE(made[1].failure);
  EXPECT_TRUE(at::equal(made[1].latents, run(tiny_input(5))));
}

/// Euler, until a given step; then infinity.
class Spoiled final : public Sampler {
 public:
  explicit Spoiled(int bad) : bad_(bad) {}
  int steps() const noexcept override { return 5; }
  float timestep(int) const override { return 500; }
  at::Tensor advance(const at::Tensor& flow, const at::Tensor& sample) override {
    at::Tensor next = sample - flow * 0.01;
    if (step_++ == bad_) next.view({-1})[3].fill_(std::numeric_limits<float>::infinity());
    return next;
  }

 private:
  int bad_;
  int step_ = 0;
};

TEST(Denoise, OneInfinityIsEnough) {
  Transformer transformer = tiny_transformer();
  for (const int bad : {0, 2, 4}) {
    DenoiseInput input = tiny_input(1);
    input.sampler = std::make_shared<Spoiled>(bad);
    TextDenoiser denoiser{transformer};
    const std::optional<Error> failure = denoise(denoiser, {&input, 1}).front().failure;
    ASSERT_TRUE(failure);
    EXPECT_THAT(failure->what(), ::testing::HasSubstr("after step " + std::to_string(bad + 1) + " of 5"));
  }
}

}  // namespace
}  // namespace ditmill::models::wan
