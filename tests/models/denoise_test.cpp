#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "configs/error.h"
#include "models/denoise/turns.h"
#include "models/samplers/noise.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tiny_transformer.h"

namespace ditmill::models::wan {
namespace {

constexpr std::array<std::int64_t, 4> shape{16, 1, 4, 4};

DenoiseInput tiny_input() {
  return {.noise = initial_noise(5, shape),
          .told = {told_text(draw({9, tiny_dims().text_dim}, 1), at::kFloat),
                   told_text(draw({2, tiny_dims().text_dim}, 2), at::kFloat)},
          .item = "tabby"};
}

std::shared_ptr<Sampler> unipc(int steps) { return make_sampler(configs::Solver::unipc, steps, 3); }

at::Tensor run(DenoiseInput input, double guidance, int steps = 3) {
  Transformer transformer = tiny_transformer();
  input.sampler = unipc(steps);
  TextDenoiser denoiser{transformer};
  return denoise(denoiser, {input}, *make_guidance(guidance > 1, guidance)).front().latents;
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

TEST(ClassifierFree, ExtrapolatesFromTheUnconditional) {
  const std::vector<at::Tensor> predictions{at::tensor({3.0F}), at::tensor({1.0F})};
  EXPECT_TRUE(at::equal(ClassifierFree{5}.combine(predictions), at::tensor({11.0F})));
}

TEST(MakeGuidance, HasOnePassWhereThereIsNone) {
  EXPECT_EQ(make_guidance(false, 5)->passes(), 1U);
  EXPECT_EQ(make_guidance(true, 0.5)->passes(), 2U);
}

TEST(Denoise, LooksAtTheNegativeOnlyWhereGuidanceIsOn) {
  DenoiseInput other = tiny_input();
  other.told.pop_back();
  EXPECT_TRUE(at::equal(run(tiny_input(), 1), run(other, 1)));
  EXPECT_FALSE(at::equal(run(tiny_input(), 1), run(tiny_input(), 5)));
}

TEST(Denoise, SaysAtWhichStepTheLatentsFirstWereNotFinite) {
  dist::TensorMap weights = tiny_weights();
  weights["proj_out.bias"].fill_(std::numeric_limits<float>::quiet_NaN());
  Transformer transformer = tiny_transformer(weights);
  DenoiseInput input = tiny_input();
  input.sampler = make_sampler(configs::Solver::euler, 4, 3);
  TextDenoiser denoiser{transformer};
  const std::optional<Error> failure = denoise(denoiser, {input}, ClassifierFree{5}).front().failure;
  ASSERT_TRUE(failure) << "NaN went through";
  EXPECT_EQ(failure->category(), Category::numeric);
  EXPECT_THAT(failure->what(), ::testing::HasSubstr("after step 1 of 4"));
  EXPECT_EQ(failure->where().item, "tabby");
}

TEST(Denoise, AClipThatFailsLeavesTheOthersAlone) {
  Transformer transformer = tiny_transformer();
  std::vector<DenoiseInput> inputs{tiny_input(), tiny_input()};
  for (DenoiseInput& input : inputs) input.sampler = unipc(3);
  inputs[0].noise = at::full_like(inputs[0].noise, std::numeric_limits<float>::infinity());
  TextDenoiser denoiser{transformer};
  const std::vector<Denoised> made = denoise(denoiser, inputs, ClassifierFree{5});
  EXPECT_TRUE(made[0].failure);
  ASSERT_FALSE(made[1].failure);
  EXPECT_TRUE(at::equal(made[1].latents, run(tiny_input(), 5)));
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
    DenoiseInput input = tiny_input();
    input.sampler = std::make_shared<Spoiled>(bad);
    TextDenoiser denoiser{transformer};
    const std::optional<Error> failure = denoise(denoiser, {input}, NoGuidance{}).front().failure;
    ASSERT_TRUE(failure);
    EXPECT_THAT(failure->what(), ::testing::HasSubstr("after step " + std::to_string(bad + 1) + " of 5"));
  }
}

/// Weights of another expert.
dist::TensorMap other_weights() {
  dist::TensorMap weights = tiny_weights();
  for (auto& [name, tensor] : weights) tensor = tensor * 1.25;
  return weights;
}

class Turns : public testing::Test {
 protected:
  /// Final latents of clips in batches of this size, by both experts; `high` steps by the first.
  std::vector<at::Tensor> run_batches(std::size_t clips, std::size_t together, int high) {
    const auto turn = [this](Transformer& transformer, double scale, StepRange steps) {
      return Turn{.enter =
                      [this, &transformer] {
                        ++entered_;
                        return std::make_unique<TextDenoiser>(transformer);
                      },
                  .guidance = std::make_shared<ClassifierFree>(scale),
                  .steps = steps};
    };
    const std::vector<Turn> turns{turn(high_, 4, {0, high}), turn(low_, 3, {high, steps})};
    const MakeInputs make_inputs = [&](const at::TensorOptions&) {
      std::vector<std::vector<DenoiseInput>> batches;
      for (std::size_t i = 0; i < clips; ++i) {
        if (i % together == 0) batches.emplace_back();
        batches.back().push_back(tiny_input());
        batches.back().back().noise = initial_noise(static_cast<std::int64_t>(i), shape);
        batches.back().back().sampler = unipc(steps);
      }
      return batches;
    };
    std::vector<at::Tensor> latents;
    for (const Denoised& made : denoise_by_turns(turns, high_.parallel(), make_inputs)) {
      latents.push_back(made.latents);
    }
    return latents;
  }

  static constexpr int steps = 6;
  int entered_ = 0;

 private:
  Transformer high_ = tiny_transformer();
  Transformer low_ = tiny_transformer(other_weights());
};

TEST_F(Turns, EachExpertComesOnceForAllClipsAndChangesNoByte) {
  const std::vector<at::Tensor> window = run_batches(3, 1, 2);
  EXPECT_EQ(entered_, 2);
  for (const std::size_t together : {std::size_t{2}, std::size_t{3}}) {
    const std::vector<at::Tensor> other = run_batches(3, together, 2);
    for (std::size_t i = 0; i < window.size(); ++i) EXPECT_TRUE(at::equal(window[i], other[i])) << i;
  }
  const std::vector<at::Tensor> alone = run_batches(1, 1, 2);
  EXPECT_TRUE(at::equal(window[0], alone[0]));
}

TEST_F(Turns, OneSamplerGoesThrough) {
  std::vector<at::Tensor> made;
  for (int high = 0; high <= steps; ++high) made.push_back(run_batches(1, 1, high).front());
  for (int high = 0; high < steps; ++high) EXPECT_FALSE(at::equal(made[high], made[high + 1])) << high;
  EXPECT_EQ(entered_, 2 * (steps + 1) - 2) << "an expert without steps does not come";
}

TEST(StepsAbove, CountsTimestepsNotBelowTheBoundary) {
  // wan_family.md, 2a: 40 steps of UniPC.
  EXPECT_EQ(steps_above(*make_sampler(configs::Solver::unipc, 40, 12), 0.875), 26);
  EXPECT_EQ(steps_above(*make_sampler(configs::Solver::unipc, 40, 5), 0.9), 15);
  // 2d: 1000, 937.5, 833.3, 625.
  EXPECT_EQ(steps_above(*make_sampler(configs::Solver::wan_euler, 4, 5), 0.875), 2);
  EXPECT_EQ(steps_above(*make_sampler(configs::Solver::euler, 4, 5), 0), 4);
}

}  // namespace
}  // namespace ditmill::models::wan
