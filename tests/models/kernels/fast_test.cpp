#include "models/kernels/fast.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/kernels/rotate_pairs.h"

namespace ditmill::models::kernels {
namespace {

/// Beside LibTorch's operators in float64, on rows whose ends no register fills.
class FastOperators : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  at::Tensor drawn(std::vector<std::int64_t> shape) const { return at::randn(shape).to(GetParam()); }
  void expect_close(const at::Tensor& made, const at::Tensor& exact) const {
    EXPECT_EQ(made.scalar_type(), GetParam());
    ASSERT_EQ(made.sizes(), exact.sizes());
    const double error = ((made.to(at::kDouble) - exact).norm() / exact.norm()).item<double>();
    EXPECT_LE(error, GetParam() == at::kFloat ? 5e-7 : 4e-3);
  }
};

TEST_P(FastOperators, NormalisesAndModulates) {
  for (const std::int64_t dim : {7, 16, 40, 1536}) {
    const at::Tensor x = drawn({2, 37, dim}) + 3, scale = at::randn({2, 1, dim}),
                     shift = at::randn({2, 1, dim});
    const at::Tensor exact = at::layer_norm(x.to(at::kDouble), {dim}, {}, {}, 1e-6) * scale + shift;
    expect_close(fast::norm(x, scale, shift, 1e-6), exact);
    expect_close(fast::norm(x, scale[0][0], shift[0][0], 1e-6),
                 at::layer_norm(x.to(at::kDouble), {dim}, {}, {}, 1e-6) * scale[0] + shift[0]);
  }
}

TEST_P(FastOperators, ScalesAndTurnsPairs) {
  for (const std::int64_t width : {6, 40, 128, 256}) {
    const at::Tensor x = drawn({2, 21, 3 * width}), weight = at::randn({3 * width}).to(GetParam());
    const at::Tensor angles = at::randn({1, 21, 1, width / 2}), factors = at::rand({2, 21, 1});
    const at::Tensor scaled = x.to(at::kDouble) * factors * weight.to(at::kDouble);
    const at::Tensor heads = scaled.unflatten(2, {3, width});
    const at::Tensor exact = rotate_pairs(heads, angles.to(at::kDouble).cos(), angles.to(at::kDouble).sin());
    expect_close(fast::scaled_and_turned(x, factors, weight, 3, angles.cos(), angles.sin()), exact);
    expect_close(fast::scaled_and_turned(x, factors, weight, 3, {}, {}), heads);
    const at::Tensor squares = fast::sums_of_squares(x);
    EXPECT_TRUE(at::allclose(squares, x.to(at::kDouble).square().sum(-1, true).to(at::kFloat), 1e-5));
  }
}

TEST_P(FastOperators, AddsWhatAGateLetsThrough) {
  const at::Tensor x = drawn({2, 33, 41}), y = drawn({2, 33, 41}), gate = at::randn({2, 1, 41});
  expect_close(fast::gated_sum(x, y, gate), x.to(at::kDouble) + y.to(at::kDouble) * gate);
}

TEST_P(FastOperators, MultipliesAndAttends) {
  const at::Tensor x = drawn({2, 19, 50}), weight = drawn({33, 50}), bias = drawn({33});
  const at::Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
  expect_close(fast::linear(x, weight, bias), exact);
  expect_close(fast::linear(x, weight, bias, true), at::gelu(exact, "tanh"));
  const at::Tensor q = drawn({2, 19, 3, 16}), k = drawn({2, 3, 31, 16}).transpose(1, 2),
                   v = drawn({2, 31, 3, 16});
  const auto heads = [](const at::Tensor& t) { return t.transpose(1, 2).to(at::kDouble); };
  const PartialAttention made = fast::attention(q, k, v);
  const at::Tensor expected = at::scaled_dot_product_attention(heads(q), heads(k), heads(v)).transpose(1, 2);
  const double error = ((made.output.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
  EXPECT_LE(error, GetParam() == at::kFloat ? 2e-6 : 3e-3);
}

TEST_P(FastOperators, TakesNothing) {
  EXPECT_EQ(fast::linear(drawn({1, 0, 8}), drawn({4, 8}), {}).sizes(), (std::vector<std::int64_t>{1, 0, 4}));
  EXPECT_EQ(fast::attention(drawn({1, 0, 2, 8}), drawn({1, 5, 2, 8}), drawn({1, 5, 2, 8})).output.numel(), 0);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, FastOperators, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return info.param == at::kFloat ? "float32" : "bfloat16"; });

}  // namespace
}  // namespace ditmill::models::kernels
