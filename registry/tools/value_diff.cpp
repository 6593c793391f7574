#include "registry/tools/value_diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "registry/tools/element_values.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t window_bytes = std::uint64_t{4} << 20;
constexpr std::size_t batch = 4096;  // elements that are decoded at once

/// A dimension of a region that both tensors have, in elements.
struct Axis {
  std::uint64_t size = 1;
  std::array<std::uint64_t, 2> strides{};
};

std::uint64_t element_bytes_of(const TensorInfo& tensor) {
  return static_cast<std::uint64_t>(bits(tensor.type)) / 8;
}

/// The strides of a tensor in elements, as files leave them out where they are row-major.
std::vector<std::uint64_t> strides_of(const TensorInfo& tensor) {
  if (!tensor.strides.empty()) return tensor.strides;
  std::vector<std::uint64_t> strides(tensor.shape.size());
  std::uint64_t stride = 1;
  for (std::size_t i = strides.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= tensor.shape[i];
  }
  return strides;
}

/// The axes on which elements differ in place: those of one element, or of one that both repeat, are left
/// out; those that are one run in both tensors are joined.
std::vector<Axis> axes_of(const TensorInfo& a, const TensorInfo& b) {
  const std::vector<std::uint64_t> in_a = strides_of(a);
  const std::vector<std::uint64_t> in_b = strides_of(b);
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < a.shape.size(); ++i) {
    const Axis axis{a.shape[i], {in_a[i], in_b[i]}};
    if (axis.size == 1 || (in_a[i] == 0 && in_b[i] == 0)) continue;
    const bool run = !axes.empty() && axes.back().strides[0] == axis.size * axis.strides[0] &&
                     axes.back().strides[1] == axis.size * axis.strides[1];
    if (run) {
      axes.back() = {axes.back().size * axis.size, axis.strides};
    } else {
      axes.push_back(axis);
    }
  }
  if (axes.empty()) axes.push_back({1, {1, 1}});
  return axes;
}

/// One of the two tensors: the bytes around the region that is looked at, and its elements in their order.
class Side {
 public:
  explicit Side(const TensorData& data) : data_(data), element_(element_bytes_of(data.tensor)) {}

  std::uint64_t span_bytes(std::span<const Axis> axes, std::size_t side) const {
    std::uint64_t last = 0;
    for (const Axis& axis : axes) last += (axis.size - 1) * axis.strides[side];
    return (last + 1) * element_;
  }

  void read(std::uint64_t first_element, std::uint64_t bytes) {
    window_.resize(bytes);
    data_.source.read_at(data_.tensor.begin + first_element * element_, window_);
  }

  /// `count` elements of the window, `stride` apart, as neighbours.
  std::span<const std::byte> take(std::uint64_t first, std::uint64_t stride, std::size_t count) {
    const std::byte* from = window_.data() + first * element_;
    if (stride == 1 || count == 1) return {from, count * element_};
    gathered_.resize(count * element_);
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(gathered_.data() + i * element_, from + i * stride * element_, element_);
    }
    return gathered_;
  }

 private:
  TensorData data_;
  std::uint64_t element_;
  std::vector<std::byte> window_;
  std::vector<std::byte> gathered_;
};

/// Compares in Number, which holds the values of both types exactly.
template <typename Number>
class Comparison {
 public:
  Comparison(const TensorData& a, const TensorData& b)
      : sides_{Side{a}, Side{b}},
        types_{a.tensor.type, b.tensor.type},
        values_(static_cast<std::size_t>(values_in(a.tensor.type))) {}

  /// Halves a region until its windows are small enough.
  void region(std::vector<Axis> axes, std::array<std::uint64_t, 2> first) {
    for (;;) {
      const std::array<std::uint64_t, 2> bytes{sides_[0].span_bytes(axes, 0), sides_[1].span_bytes(axes, 1)};
      const std::size_t wide = bytes[1] > bytes[0] ? 1 : 0;
      if (bytes[wide] <= window_bytes) break;
      const auto longest = std::ranges::max_element(
          axes, {}, [wide](const Axis& axis) { return (axis.size - 1) * axis.strides[wide]; });
      const std::uint64_t half = longest->size / 2;
      std::vector<Axis> lower = axes;
      lower[static_cast<std::size_t>(longest - axes.begin())].size = half;
      region(std::move(lower), first);
      for (std::size_t side : {0U, 1U}) first[side] += half * longest->strides[side];
      longest->size -= half;
    }
    for (std::size_t side : {0U, 1U}) sides_[side].read(first[side], sides_[side].span_bytes(axes, side));
    walk(axes, {0, 0});
  }

  ValueDifference result() const {
    ValueDifference difference{.max_abs = std::nullopt, .equal_bits = equal_bits_, .why = {}};
    const auto most = static_cast<double>(most_);
    if (!apart_ && std::isfinite(most)) difference.max_abs = most;
    return difference;
  }

 private:
  void walk(std::span<const Axis> axes, std::array<std::uint64_t, 2> at) {
    if (axes.size() == 1) return run(axes.front(), at);
    for (std::uint64_t i = 0; i < axes.front().size; ++i) {
      walk(axes.subspan(1), at);
      for (std::size_t side : {0U, 1U}) at[side] += axes.front().strides[side];
    }
  }

  void run(const Axis& axis, std::array<std::uint64_t, 2> at) {
    for (std::uint64_t done = 0; done < axis.size;) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(batch, axis.size - done));
      const auto a = sides_[0].take(at[0] + done * axis.strides[0], axis.strides[0], count);
      const auto b = sides_[1].take(at[1] + done * axis.strides[1], axis.strides[1], count);
      if (types_[0] != types_[1] || !std::ranges::equal(a, b)) compare(a, b, count);
      done += count;
    }
  }

  void compare(std::span<const std::byte> a, std::span<const std::byte> b, std::size_t count) {
    equal_bits_ = false;
    const std::size_t numbers = count * values_;
    const std::span<Number> x = std::span{x_}.first(numbers);
    const std::span<Number> y = std::span{y_}.first(numbers);
    decode_values(types_[0], a, x);
    decode_values(types_[1], b, y);
    for (std::size_t i = 0; i < numbers; ++i) {
      if (x[i] == y[i]) continue;  // infinities, too
      const bool nan = std::isnan(x[i]);
      if (nan && std::isnan(y[i])) continue;
      apart_ = apart_ || nan || std::isnan(y[i]);
      most_ = std::max(most_, std::abs(x[i] - y[i]));
    }
  }

  std::array<Side, 2> sides_;
  std::array<ElementType, 2> types_;
  std::size_t values_;
  std::array<Number, 2 * batch> x_{};
  std::array<Number, 2 * batch> y_{};
  Number most_ = 0;
  bool apart_ = false;
  bool equal_bits_ = true;
};

template <typename Number>
ValueDifference compare_in(const TensorData& a, const TensorData& b) {
  const auto comparison = std::make_unique<Comparison<Number>>(a, b);
  comparison->region(axes_of(a.tensor, b.tensor), {0, 0});
  ValueDifference difference = comparison->result();
  difference.equal_bits = difference.equal_bits && a.tensor.type == b.tensor.type;
  return difference;
}

bool is_wide_integer(ElementType type) { return type == ElementType::i64 || type == ElementType::u64; }

/// Bytes only, of elements that may be narrower than one.
bool equal_bytes(const TensorData& a, const TensorData& b) {
  const std::uint64_t size = a.tensor.end - a.tensor.begin;
  if (size != b.tensor.end - b.tensor.begin) return false;
  std::array<std::vector<std::byte>, 2> windows;
  for (std::uint64_t at = 0; at < size; at += window_bytes) {
    for (std::vector<std::byte>& window : windows) window.resize(std::min(window_bytes, size - at));
    a.source.read_at(a.tensor.begin + at, windows[0]);
    b.source.read_at(b.tensor.begin + at, windows[1]);
    if (windows[0] != windows[1]) return false;
  }
  return true;
}

}  // namespace

ValueDifference compare_values(const TensorData& a, const TensorData& b) {
  const ElementType type_a = a.tensor.type;
  const ElementType type_b = b.tensor.type;
  const bool same = type_a == type_b;
  if (a.tensor.elements() == 0) return {.max_abs = 0.0, .equal_bits = same, .why = {}};
  if (values_in(type_a) == 0 || values_in(type_b) == 0) {
    if (same && equal_bytes(a, b)) return {};
    const ElementType narrow = values_in(type_a) == 0 ? type_a : type_b;
    return {.max_abs = std::nullopt,
            .equal_bits = false,
            .why = "values of " + std::string{name(narrow)} + " are not compared"};
  }
  if (values_in(type_a) != values_in(type_b)) {
    return {.max_abs = std::nullopt, .equal_bits = false, .why = "one is complex, the other is not"};
  }
  return is_wide_integer(type_a) || is_wide_integer(type_b) ? compare_in<long double>(a, b)
                                                            : compare_in<double>(a, b);
}

}  // namespace ditmill::registry
