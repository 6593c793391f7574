#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/samplers/sigmas.h"

namespace ditmill::models {
namespace {

using configs::Solver;

constexpr std::array<std::int64_t, 4> shape{4, 2, 4, 6};

/// Runs a sampler on the flow that leads every sample straight to `picture`.
at::Tensor straight(Solver solver, int steps, const at::Tensor& picture, at::ScalarType dtype) {
  const Schedule schedule = make_schedule(solver, steps, 3);
  const auto sampler = make_sampler(solver, steps, 3);
  at::Tensor sample = initial_noise(1, shape);
  for (int step = 0; step < sampler->steps(); ++step) {
    const at::Tensor flow = (sample - picture) / schedule.sigmas[static_cast<std::size_t>(step)];
    sample = sampler->advance(flow.to(dtype), sample);
  }
  return sample;
}

TEST(Samplers, AStraightFlowEndsAtThePicture) {
  const at::Tensor picture = initial_noise(2, shape);
  for (const Solver solver :
       {Solver::unipc, Solver::euler, Solver::wan_unipc, Solver::wan_euler, Solver::wan_dpmpp}) {
    for (const int steps : {1, 2, 3, 8, 50}) {
      EXPECT_LT((straight(solver, steps, picture, at::kFloat) - picture).abs().max().item<float>(), 1e-5)
          << name(solver) << " " << steps;
    }
  }
}

TEST(Samplers, UniPcKeepsFloat32SamplesAndEulerTakesTheFlowsType) {
  const at::Tensor picture = initial_noise(2, shape);
  EXPECT_EQ(straight(Solver::unipc, 3, picture, at::kBFloat16).scalar_type(), at::kFloat);
  EXPECT_EQ(straight(Solver::euler, 3, picture, at::kBFloat16).scalar_type(), at::kBFloat16);
}

/// Error of a sampler on a flow whose solution is known: pictures that change with the noise level, x0 =
/// sigma^2.
double curved_error(Solver solver, int steps) {
  const Schedule schedule = make_schedule(solver, steps, 1);
  const auto sampler = make_sampler(solver, steps, 1);
  // dx/dsigma = cos(2 sigma): x(0) = x(1) - sin(2)/2.
  at::Tensor sample = at::ones({1, 1, 1, 1, 1});
  for (int step = 0; step < sampler->steps(); ++step) {
    const float sigma = schedule.sigmas[static_cast<std::size_t>(step)];
    sample = sampler->advance(at::full({1, 1, 1, 1, 1}, std::cos(2.0 * sigma)), sample);
  }
  return std::abs(sample.item<float>() - (1.0 - std::sin(2.0) / 2));
}

TEST(Samplers, MethodsOfOrderTwoAreFarMoreExactThanEulerOnACurvedFlow) {
  for (const int steps : {8, 16, 32}) {
    for (const Solver solver : {Solver::unipc, Solver::wan_unipc, Solver::wan_dpmpp})
      EXPECT_LT(curved_error(solver, steps), curved_error(Solver::euler, steps) / 5)
          << name(solver) << " " << steps;
  }
}

TEST(Samplers, AnItemsSamplerKnowsNothingOfTheOneBefore) {
  const at::Tensor picture = initial_noise(2, shape);
  const at::Tensor first = straight(Solver::unipc, 5, picture, at::kFloat);
  straight(Solver::unipc, 3, picture * 7, at::kFloat);
  EXPECT_TRUE(at::equal(first, straight(Solver::unipc, 5, picture, at::kFloat)));
}

TEST(InitialNoise, IsTorchsForTheSeed) {
  // torch.randn((1, 4, 2, 4, 6), generator=torch.Generator().manual_seed(42)).flatten()[:4]
  const at::Tensor noise = initial_noise(42, shape).flatten();
  const float expected[] = {1.9269153F, 1.4872841F, 0.9007172F, -2.1055214F};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(noise[i].item<float>(), expected[i], 1e-6);
}

TEST(InitialNoise, BelongsToTheSeedAlone) {
  const at::Tensor first = initial_noise(7, shape);
  initial_noise(8, shape);
  at::manual_seed(99);
  at::randn({100});
  EXPECT_TRUE(at::equal(first, initial_noise(7, shape)));
  EXPECT_FALSE(at::equal(first, initial_noise(8, shape)));
}

TEST(InitialNoise, TakesEverySeedOfAManifest) {
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_FALSE(at::equal(initial_noise(largest, shape), initial_noise(largest - 1, shape)));
  EXPECT_EQ(initial_noise(0, shape).sizes(), (at::IntArrayRef{1, 4, 2, 4, 6}));
}

}  // namespace
}  // namespace ditmill::models
