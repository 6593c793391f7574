#include "models/samplers/sigmas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ditmill::models {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

std::vector<float> ends(const std::vector<float>& values, std::size_t first, std::size_t last) {
  std::vector<float> out(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(first));
  out.insert(out.end(), values.end() - static_cast<std::ptrdiff_t>(last), values.end());
  return out;
}

void expect_near(const std::vector<float>& values, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], tolerance) << "at " << i;
}

// Half a unit of the last digit of the tables, which were printed by diffusers.
constexpr float digits = 6e-8F;

TEST(UniPcSchedule, EqualsDiffusersTables) {
  expect_near(unipc_schedule(2, 3).sigmas, {.999999F, .7503748F, 0}, digits);
  EXPECT_THAT(unipc_schedule(2, 3).timesteps, ElementsAre(999, 750));
  expect_near(unipc_schedule(4, 3).sigmas, {.999999F, .9001200F, .7503748F, .5009990F, 0}, digits);
  EXPECT_THAT(unipc_schedule(4, 3).timesteps, ElementsAre(999, 900, 750, 500));
  expect_near(unipc_schedule(5, 3).sigmas, {.999999F, .9231657F, .8184296F, .6672218F, .4297945F, 0}, digits);
  EXPECT_THAT(unipc_schedule(5, 3).timesteps, ElementsAre(999, 923, 818, 667, 429));
  expect_near(unipc_schedule(4, 5).sigmas, {.999999F, .9375781F, .8336110F, .6259361F, 0}, digits);
  EXPECT_THAT(unipc_schedule(4, 5).timesteps, ElementsAre(999, 937, 833, 625));
}

TEST(UniPcSchedule, EqualsDiffusersTablesAtFiftySteps) {
  const Schedule three = unipc_schedule(50, 3);
  ASSERT_EQ(three.sigmas.size(), 51U);
  expect_near(ends(three.sigmas, 4, 4),
              {.999999F, .9932501F, .9863154F, .9791884F, .1629586F, .1135759F, .0604054F, 0}, digits);
  EXPECT_THAT(ends(three.timesteps, 4, 4), ElementsAre(999, 993, 986, 979, 208, 162, 113, 60));
  const Schedule five = unipc_schedule(50, 5);
  expect_near(ends(five.sigmas, 4, 4),
              {.999999F, .9959391F, .9917441F, .9874082F, .2449830F, .1759692F, .0967784F, 0}, digits);
  EXPECT_THAT(ends(five.timesteps, 4, 4), ElementsAre(999, 995, 991, 987, 305, 244, 175, 96));
}

TEST(UniPcSchedule, TimestepsFirstRepeatWhereDiffusersDo) {
  const auto repeats = [](int steps, double shift) {
    const std::vector<float> timesteps = unipc_schedule(steps, shift).timesteps;
    return std::ranges::adjacent_find(timesteps) != timesteps.end();
  };
  for (const auto& [steps, shift] : {std::pair{64, 16.0}, {85, 12.0}, {126, 8.0}, {201, 5.0}, {334, 3.0}}) {
    EXPECT_TRUE(repeats(steps, shift)) << steps << " steps, shift " << shift;
    EXPECT_FALSE(repeats(steps - 1, shift)) << steps - 1 << " steps, shift " << shift;
  }
}

TEST(EulerSchedule, EqualsDiffusersTables) {
  expect_near(flow_match_euler_schedule(2, 7).sigmas, {1, .0467557F, 0}, digits);
  expect_near(flow_match_euler_schedule(4, 3).sigmas, {1, .8576923F, .6021506F, .0089286F, 0}, digits);
  const Schedule fifty = flow_match_euler_schedule(50, 5);
  ASSERT_EQ(fifty.sigmas.size(), 51U);
  expect_near(ends(fifty.sigmas, 3, 3), {1, .9958716F, .9916046F, .1148195F, .0244141F, 0}, digits);
}

TEST(EulerSchedule, TellsTheModelAThousandSigma) {
  const Schedule schedule = flow_match_euler_schedule(7, 3);
  ASSERT_EQ(schedule.timesteps.size(), 7U);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(schedule.timesteps[i], schedule.sigmas[i] * 1000.0F);
}

// The tables of Wan's own code; dpm++ and Euler have the same levels.
TEST(WanSchedules, EqualWansTables) {
  expect_near(wan_unipc_schedule(4, 3).sigmas, {.9996665F, .8996398F, .7496248F, .4996666F, 0}, digits);
  EXPECT_THAT(wan_unipc_schedule(4, 3).timesteps, ElementsAre(999, 899, 749, 499));
  EXPECT_THAT(wan_unipc_schedule(4, 5).timesteps, ElementsAre(999, 937, 833, 624));
  expect_near(ends(wan_unipc_schedule(40, 12).sigmas, 3, 4),
              {.9999166F, .9977826F, .9955462F, .4928803F, .386847F, .2351095F, 0}, digits);
  expect_near(wan_dpm_schedule(4, 5).sigmas, {1, .9375F, .8333333F, .625F, 0}, digits);
  EXPECT_THAT(wan_dpm_schedule(4, 5).timesteps, ElementsAre(1000, 937, 833, 625));
  EXPECT_THAT(ends(wan_dpm_schedule(50, 16).timesteps, 0, 3), ElementsAre(505, 400, 246));
  expect_near(wan_euler_schedule(4, 5).sigmas, {1, .9375F, .8333333F, .625F, 0}, digits);
  expect_near(wan_euler_schedule(4, 5).timesteps, {1000, 937.5F, 833.3333F, 625}, 6e-5F);
}

TEST(Schedules, OneStepGoesFromNoiseToPicture) {
  EXPECT_THAT(unipc_schedule(1, 3).sigmas, ElementsAre(FloatNear(0.999999F, digits), 0));
  EXPECT_THAT(flow_match_euler_schedule(1, 3).sigmas, ElementsAre(1, 0));
}

TEST(Schedules, FallStrictly) {
  for (const double shift : {0.5, 1.0, 3.0, 16.0}) {
    for (const int steps : {1, 2, 3, 8, 50, 100}) {
      for (const Schedule& schedule : {unipc_schedule(steps, shift), flow_match_euler_schedule(steps, shift),
                                       wan_unipc_schedule(steps, shift), wan_dpm_schedule(steps, shift),
                                       wan_euler_schedule(steps, shift)}) {
        EXPECT_EQ(std::ranges::adjacent_find(schedule.sigmas, std::ranges::less_equal{}),
                  schedule.sigmas.end())
            << steps << " " << shift;
      }
    }
  }
}

}  // namespace
}  // namespace ditmill::models
