#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/kernels/cpu/attend.h"
#include "models/kernels/cpu/multiply.h"

namespace ditmill::models::kernels::cpu {
namespace {

/// Threads of LibTorch's while a test runs.
class Threads {
 public:
  explicit Threads(int count) { at::set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

template <typename Number>
constexpr at::ScalarType type_of = sizeof(Number) == sizeof(float) ? at::kFloat : at::kBFloat16;

template <typename Number>
Number* numbers(const at::Tensor& x) {
  return static_cast<Number*>(x.data_ptr());
}

double error_of(const at::Tensor& made, const at::Tensor& expected) {
  const at::Tensor off = made.to(at::kDouble) - expected;
  return (off.norm() / expected.norm()).item<double>();
}

/// Relative errors that sums in float32 and one rounding to a type leave.
template <typename Number>
constexpr double close = sizeof(Number) == sizeof(float) ? 1e-6 : 4e-3;

template <typename Number>
at::Tensor product(const Level& level, const at::Tensor& x, const at::Tensor& weights, const at::Tensor& bias,
                   bool gelu) {
  at::Tensor out = at::full({x.size(0), weights.size(0)}, NAN, x.options());
  multiply<Number>(level, {numbers<Number>(x), x.stride(0)}, x.size(0),
                   {numbers<Number>(weights), weights.stride(0)}, weights.size(0), weights.size(1),
                   {.bias = bias.defined() ? bias.data_ptr<float>() : nullptr,
                    .gelu = gelu,
                    .out = {numbers<Number>(out), out.size(1)}});
  return out;
}

struct Shape {
  std::int64_t rows, depth, columns;
};
constexpr Shape shapes[] = {{1, 1, 1},     {1, 256, 64},  {5, 40, 3},     {12, 96, 32},    {13, 100, 33},
                            {96, 255, 17}, {31, 257, 65}, {481, 770, 40}, {100, 512, 300}, {7, 1537, 257}};

template <typename Number>
void expect_products() {
  for (const Level* level : levels_here()) {
    for (const Shape& shape : shapes) {
      const at::Tensor x = at::randn({shape.rows, shape.depth}).to(type_of<Number>);
      const at::Tensor weights = (at::randn({shape.columns, shape.depth}) * 0.1).to(type_of<Number>);
      const at::Tensor bias = at::randn({shape.columns});
      const at::Tensor exact = at::mm(x.to(at::kDouble), weights.to(at::kDouble).t());
      const std::string what = std::string(level->name) + " " + std::to_string(shape.rows) + " x " +
                               std::to_string(shape.depth) + " x " + std::to_string(shape.columns);
      EXPECT_LE(error_of(product<Number>(*level, x, weights, {}, false), exact), close<Number>) << what;
      EXPECT_LE(error_of(product<Number>(*level, x, weights, bias, false), exact + bias), close<Number>)
          << what;
      EXPECT_LE(error_of(product<Number>(*level, x, weights, bias, true), at::gelu(exact + bias, "tanh")),
                close<Number>)
          << what;
    }
  }
}

TEST(CpuKernels, MultiplyFloat32AsFloat64DoesRounded) { expect_products<float>(); }
TEST(CpuKernels, MultiplyBfloat16AsFloat64DoesRounded) { expect_products<std::uint16_t>(); }

template <typename Number>
at::Tensor attention(const Level& level, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     at::Tensor* lse = nullptr) {
  at::Tensor out = at::full(q.sizes(), NAN, q.options());
  const auto heads = [](const at::Tensor& x) {
    return Heads<const Number>{numbers<Number>(x), x.stride(1), x.stride(0)};
  };
  if (lse != nullptr) *lse = at::full({q.size(1), q.size(0)}, NAN);
  attend<Number>(level, {.heads = q.size(1), .queries = q.size(0), .keys = k.size(0), .width = q.size(2)},
                 heads(q), heads(k), heads(v), {numbers<Number>(out), out.stride(1), out.stride(0)},
                 lse == nullptr ? nullptr : lse->data_ptr<float>());
  return out;
}

at::Tensor by_head(const at::Tensor& x) { return x.transpose(0, 1).to(at::kDouble); }

template <typename Number>
void expect_attention() {
  for (const Level* level : levels_here()) {
    for (const auto& [heads, queries, keys, width] : {std::array{1L, 1L, 1L, 8L},
                                                      {3, 97, 301, 40},
                                                      {2, 300, 513, 128},
                                                      {2, 5, 1025, 64},
                                                      {1, 20, 70, 384},
                                                      {2, 9, 77, 15}}) {
      const auto drawn = [heads = heads, width = width](std::int64_t tokens) {
        return (at::randn({tokens, heads, width}) * 1.5).to(type_of<Number>);
      };
      const at::Tensor q = drawn(queries), k = drawn(keys), v = drawn(keys);
      const at::Tensor scores =
          at::matmul(by_head(q), by_head(k).transpose(1, 2)) / std::sqrt(static_cast<double>(width));
      const at::Tensor exact = at::matmul(scores.softmax(-1), by_head(v)).transpose(0, 1);
      at::Tensor lse;
      const at::Tensor made = attention<Number>(*level, q, k, v, &lse);
      const std::string what =
          std::string(level->name) + ", " + std::to_string(keys) + " keys of " + std::to_string(width);
      EXPECT_LE(error_of(made, exact), sizeof(Number) == 4 ? 4e-6 : 3e-3) << what;
      EXPECT_LE((lse - scores.logsumexp(-1)).abs().max().item<double>(), 1e-5) << what;
    }
  }
}

TEST(CpuKernels, AttendInFloat32AsFloat64DoesRounded) { expect_attention<float>(); }
TEST(CpuKernels, AttendInBfloat16AsFloat64DoesRounded) { expect_attention<std::uint16_t>(); }

TEST(CpuKernels, GiveTheSameBitsOnAnyNumberOfThreads) {
  const at::Tensor x = at::randn({523, 261}), weights = at::randn({301, 261}), q = at::randn({301, 3, 40});
  for (const Level* level : levels_here()) {
    std::vector<at::Tensor> first;
    for (const int count : {1, 2, 3, 4}) {
      const Threads threads(count);
      std::vector<at::Tensor> made{product<float>(*level, x, weights, {}, true),
                                   attention<float>(*level, q, q, q)};
      made.push_back(product<std::uint16_t>(*level, x.narrow(1, 0, 260).to(at::kBFloat16),
                                            weights.narrow(1, 0, 260).to(at::kBFloat16), {}, false));
      const at::Tensor half = q.to(at::kBFloat16);
      made.push_back(attention<std::uint16_t>(*level, half, half, half));
      if (first.empty()) first = made;
      for (std::size_t i = 0; i < made.size(); ++i)
        EXPECT_TRUE(at::equal(made[i], first[i])) << level->name << ", " << count << " threads, " << i;
    }
  }
}

TEST(CpuKernels, GiveARowTheSameBitsWhateverIsBesideIt) {
  const at::Tensor x = at::randn({523, 261}), weights = at::randn({301, 261}), q = at::randn({301, 3, 40});
  for (const Level* level : levels_here()) {
    const at::Tensor all = product<float>(*level, x, weights, {}, false);
    EXPECT_TRUE(
        at::equal(product<float>(*level, x.narrow(0, 100, 37), weights, {}, false), all.narrow(0, 100, 37)));
    EXPECT_TRUE(
        at::equal(product<float>(*level, x, weights.narrow(0, 7, 90), {}, false), all.narrow(1, 7, 90)));
    const at::Tensor whole = attention<float>(*level, q, q, q);
    EXPECT_TRUE(at::equal(attention<float>(*level, q.narrow(0, 50, 61), q, q), whole.narrow(0, 50, 61)));
    EXPECT_TRUE(at::equal(attention<float>(*level, q.narrow(1, 1, 1), q.narrow(1, 1, 1), q.narrow(1, 1, 1)),
                          whole.narrow(1, 1, 1)));
  }
}

TEST(CpuKernels, GiveTheSameBitsInFloat32OnAllLevels) {
  const at::Tensor x = at::randn({61, 261}), weights = at::randn({75, 261}), q = at::randn({61, 2, 40});
  const std::vector<const Level*> levels = levels_here();
  for (const Level* level : levels) {
    EXPECT_TRUE(at::equal(product<float>(*level, x, weights, {}, true),
                          product<float>(*levels[0], x, weights, {}, true)))
        << level->name;
    EXPECT_TRUE(at::equal(attention<float>(*level, q, q, q), attention<float>(*levels[0], q, q, q)))
        << level->name;
  }
}

TEST(CpuKernels, KeepWhatIsNoNumber) {
  at::Tensor q = at::randn({40, 1, 16});
  q[7][0][3] = NAN;
  const at::Tensor half = q.to(at::kBFloat16);
  const auto all_nan = [](const at::Tensor& x) { return x.isnan().all().item<bool>(); };
  for (const Level* level : levels_here()) {
    EXPECT_TRUE(all_nan(attention<float>(*level, q, q, q)[7])) << level->name;
    EXPECT_TRUE(all_nan(attention<std::uint16_t>(*level, half, half, half)[7])) << level->name;
    EXPECT_TRUE(all_nan(product<float>(*level, q.flatten(1), at::randn({5, 16}), {}, true)[7])) << level->name;
  }
}

}  // namespace
}  // namespace ditmill::models::kernels::cpu
