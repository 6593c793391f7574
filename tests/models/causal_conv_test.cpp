#include "models/vae/causal_conv.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace ditmill::models {
namespace {

CausalConv random_conv(std::int64_t time, std::int64_t edge) {
  return {WeightsView({{"weight", at::randn({5, 3, time, edge, edge})}, {"bias", at::randn({5})}}, "vae"), 3,
          5, time, edge};
}

TEST(CausalConv, KeepsTheSize) {
  const at::Tensor x = at::randn({1, 3, 4, 6, 5});
  EXPECT_EQ(random_conv(3, 3)(x).sizes(), (std::vector<std::int64_t>{1, 5, 4, 6, 5}));
  EXPECT_EQ(random_conv(3, 1)(x).sizes(), (std::vector<std::int64_t>{1, 5, 4, 6, 5}));
  EXPECT_EQ(random_conv(1, 1)(x).sizes(), (std::vector<std::int64_t>{1, 5, 4, 6, 5}));
}

TEST(CausalConv, GivesInChunksWhatItGivesAtOnce) {
  const CausalConv conv = random_conv(3, 3);
  const at::Tensor x = at::randn({1, 3, 9, 4, 6});
  const at::Tensor whole = conv(x);
  for (const std::vector<std::int64_t>& sizes :
       {std::vector<std::int64_t>{1, 4, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {2, 1, 1, 5}, {9}}) {
    CausalState state;
    std::vector<at::Tensor> parts;
    std::int64_t begin = 0;
    for (const std::int64_t size : sizes) {
      state.rewind();
      parts.push_back(conv(x.narrow(2, begin, size), state));
      begin += size;
    }
    EXPECT_TRUE(at::allclose(at::cat(parts, 2), whole, 1e-5, 1e-5));
  }
}

TEST(CausalConv, DoesNotLookAhead) {
  const CausalConv conv = random_conv(3, 3);
  const at::Tensor x = at::randn({1, 3, 4, 4, 4});
  at::Tensor changed = x.clone();
  changed.select(2, 3).fill_(7);
  EXPECT_TRUE(at::allclose(conv(x).narrow(2, 0, 3), conv(changed).narrow(2, 0, 3), 1e-5, 1e-5));
  EXPECT_FALSE(at::allclose(conv(x).select(2, 3), conv(changed).select(2, 3)));
}

TEST(CausalState, GivesEachLayerItsOwnSlotAgain) {
  CausalState state;
  state.rewind();
  state.next().keep(at::full({1, 1, 1, 1, 1}, 1.0));
  state.next().keep(at::full({1, 1, 3, 1, 1}, 2.0));
  state.rewind();
  EXPECT_EQ(state.next().frames.size(2), 1);
  EXPECT_EQ(state.next().frames.size(2), 2);
  EXPECT_FALSE(state.next().started);
}

TEST(CausalSlot, KeepsTheLastTwoFrames) {
  CausalSlot slot;
  for (const double value : {1.0, 2.0, 3.0}) slot.keep(at::full({1, 1, 1, 1, 1}, value));
  EXPECT_TRUE(at::equal(slot.frames.flatten(), at::tensor({2.0F, 3.0F})));
}

}  // namespace
}  // namespace ditmill::models
