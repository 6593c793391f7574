#include "registry/tools/value_diff.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

namespace ditmill::registry {
namespace {

/// A tensor whose storage is memory.
template <typename Element>
struct Stored {
  Stored(ElementType type, std::vector<std::uint64_t> shape, std::vector<Element> elements,
         std::vector<std::uint64_t> strides = {})
      : data(std::move(elements)), info{.name = "w", .type = type, .shape = std::move(shape)} {
    info.strides = std::move(strides);
    info.end = data.size() * sizeof(Element);
    source = memory_source("memory", std::as_bytes(std::span{data}));
  }

  std::vector<Element> data;
  TensorInfo info;
  std::unique_ptr<ByteSource> source;
};

template <typename A, typename B>
ValueDifference compare(const Stored<A>& a, const Stored<B>& b) {
  return compare_values({*a.source, a.info}, {*b.source, b.info});
}

using Floats = Stored<float>;
constexpr ElementType f32 = ElementType::f32;
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

std::vector<float> counted(std::size_t size) {
  std::vector<float> numbers(size);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  return numbers;
}

TEST(ValueDifference, SaysHowFarValuesAreApart) {
  const ValueDifference difference = compare(Floats{f32, {3}, {1, 2, 3}}, Floats{f32, {3}, {1, 2.5, 3}});
  EXPECT_EQ(difference.max_abs, 0.5);
  EXPECT_FALSE(difference.equal_bits);
  const ValueDifference none = compare(Floats{f32, {}, {1}}, Floats{f32, {}, {1}});
  EXPECT_EQ(none.max_abs, 0.0);
  EXPECT_TRUE(none.equal_bits);
}

TEST(ValueDifference, TellsBitsFromValues) {
  const ValueDifference zeros = compare(Floats{f32, {1}, {0.0F}}, Floats{f32, {1}, {-0.0F}});
  EXPECT_EQ(zeros.max_abs, 0.0);
  EXPECT_FALSE(zeros.equal_bits);
  const ValueDifference types =
      compare(Floats{f32, {2}, {1, 2}}, Stored<double>{ElementType::f64, {2}, {1, 2}});
  EXPECT_EQ(types.max_abs, 0.0);
  EXPECT_FALSE(types.equal_bits);
}

TEST(ValueDifference, TakesNansForEqualAndFarFromNumbers) {
  EXPECT_TRUE(compare(Floats{f32, {1}, {nan_value}}, Floats{f32, {1}, {nan_value}}).equal_bits);
  const ValueDifference signs = compare(Floats{f32, {1}, {nan_value}}, Floats{f32, {1}, {-nan_value}});
  EXPECT_EQ(signs.max_abs, 0.0);
  EXPECT_FALSE(signs.equal_bits);
  EXPECT_EQ(compare(Floats{f32, {2}, {1, nan_value}}, Floats{f32, {2}, {1, 2}}).max_abs, std::nullopt);
  EXPECT_EQ(compare(Floats{f32, {2}, {1, 2}}, Floats{f32, {2}, {1, nan_value}}).max_abs, std::nullopt);
  EXPECT_EQ(compare(Floats{f32, {1}, {infinite}}, Floats{f32, {1}, {2}}).max_abs, std::nullopt);
  EXPECT_EQ(compare(Floats{f32, {2}, {infinite, 1}}, Floats{f32, {2}, {infinite, 2}}).max_abs, 1.0);
}

TEST(ValueDifference, ComparesWideIntegersExactly) {
  constexpr std::int64_t large = std::int64_t{1} << 62;
  const auto difference = compare(Stored<std::int64_t>{ElementType::i64, {1}, {large}},
                                  Stored<std::uint64_t>{ElementType::u64, {1}, {large + 1}});
  EXPECT_EQ(difference.max_abs, 1.0);
}

TEST(ValueDifference, ReadsViewsByTheirStrides) {
  // A transpose of more than a window, on either side: 3000 x 1000 floats are 12 MB.
  constexpr std::uint64_t rows = 3000;
  constexpr std::uint64_t columns = 1000;
  const Floats view{f32, {rows, columns}, counted(rows * columns), {1, rows}};
  std::vector<float> elements(rows * columns);
  for (std::uint64_t i = 0; i < rows; ++i) {
    for (std::uint64_t j = 0; j < columns; ++j) elements[i * columns + j] = view.data[j * rows + i];
  }
  const Floats plain{f32, {rows, columns}, elements};
  EXPECT_TRUE(compare(view, plain).equal_bits);
  EXPECT_TRUE(compare(plain, view).equal_bits);
  elements[2999 * columns + 7] += 1000;
  const Floats changed{f32, {rows, columns}, elements};
  EXPECT_EQ(compare(changed, view).max_abs, 1000.0);
  EXPECT_EQ(compare(view, changed).max_abs, 1000.0);
}

TEST(ValueDifference, FindsTheLastOfManyElements) {
  std::vector<float> other = counted(3'000'001);
  other.back() += 2;
  EXPECT_EQ(compare(Floats{f32, {3'000'001}, counted(3'000'001)}, Floats{f32, {3'000'001}, other}).max_abs,
            2.0);
}

TEST(ValueDifference, LooksOnceAtWhatBothRepeat) {
  // Expanded from one element; taken one by one these would last for years.
  const std::vector<std::uint64_t> shape{std::uint64_t{1} << 30, std::uint64_t{1} << 30};
  EXPECT_EQ(compare(Floats{f32, shape, {1}, {0, 0}}, Floats{f32, shape, {4}, {0, 0}}).max_abs, 3.0);
}

TEST(ValueDifference, SaysWhatItDoesNotCompare) {
  const Stored<std::uint8_t> a{ElementType::f4, {4}, {1, 2}};
  const Stored<std::uint8_t> b{ElementType::f4, {4}, {1, 3}};
  EXPECT_TRUE(compare(a, a).equal_bits);
  EXPECT_EQ(compare(a, b).max_abs, std::nullopt);
  EXPECT_EQ(compare(a, b).why, "values of F4 are not compared");
  const Stored<float> complex{ElementType::c64, {1}, {1, 2}};
  EXPECT_EQ(compare(complex, Stored<float>{ElementType::c64, {1}, {1, 5}}).max_abs, 3.0);
  EXPECT_EQ(compare(complex, Floats{f32, {1}, {1}}).max_abs, std::nullopt);
  EXPECT_TRUE(compare(Floats{f32, {0, 3}, {}}, Floats{f32, {0, 3}, {}}).equal_bits);
}

}  // namespace
}  // namespace ditmill::registry
