#include "models/weights_view.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"

namespace ditmill::models {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

dist::TensorMap some_weights() {
  return {{"blocks.0.attn1.to_q.weight", at::full({2, 3}, 1.5)}, {"table", at::zeros({4})}};
}

std::string finish_message(const WeightsView& view) {
  try {
    view.finish();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    return error.what();
  }
  return {};
}

TEST(WeightsView, GivesTensorsByScope) {
  const WeightsView root(some_weights(), "dit");
  const WeightsView attention = root.scope("blocks", 0).scope("attn1");
  EXPECT_TRUE(attention.has("to_q.weight"));
  EXPECT_FALSE(attention.has("to_k.weight"));
  EXPECT_EQ(attention.scope("to_q").take("weight", {2, 3})[1][2].item<float>(), 1.5F);
}

TEST(WeightsView, IsContentWhenEveryTensorWasTakenFromWhateverScope) {
  const WeightsView root(some_weights(), "dit");
  root.scope("blocks", 0).take("attn1.to_q.weight", {2, 3});
  root.take("table", {4});
  EXPECT_NO_THROW(root.finish());
}

TEST(WeightsView, NamesWhatIsMissingMisshapenAndLeftOverTogether) {
  const WeightsView root(some_weights(), "model/transformer");
  EXPECT_EQ(root.take("absent", {7, 2}).sizes(), (at::IntArrayRef{7, 2}));
  EXPECT_EQ(root.take("table", {5}).sizes(), at::IntArrayRef{5});
  EXPECT_THAT(finish_message(root), AllOf(HasSubstr("model/transformer"), HasSubstr("1 missing: absent"),
                                          HasSubstr("1 of another shape: table is [4], not [5]"),
                                          HasSubstr("1 unexpected: blocks.0.attn1.to_q.weight")));
}

TEST(WeightsView, ATransposedMatrixIsAnotherShape) {
  const WeightsView root({{"w", at::zeros({2, 3})}}, "dit");
  root.take("w", {3, 2});
  EXPECT_THAT(finish_message(root), HasSubstr("w is [2, 3], not [3, 2]"));
}

TEST(WeightsView, ListsAtMostTenNames) {
  dist::TensorMap many;
  for (int i = 0; i < 30; ++i) many.emplace("extra" + std::to_string(i), at::zeros({1}));
  const std::string message = finish_message(WeightsView(many, "dit"));
  EXPECT_THAT(message, HasSubstr("30 unexpected"));
  EXPECT_LT(message.size(), 400U);
}

}  // namespace
}  // namespace ditmill::models
