#pragma once

#include <cstdint>

#include "models/kernels/cpu/level.h"

namespace ditmill::models::kernels::cpu {

/// How products of numbers of a type are added: from what packed operands, and in chains how deep.
template <typename Number>
class Products {
 public:
  explicit Products(const Level& level) : level_(level), widens_(level.products == Bfloat16::widened) {}
  /// The same, but those of numbers that cannot be taken in pairs are widened.
  Products(const Level& level, std::int64_t depth) : Products(level) { widens_ = widens_ || depth % 2 != 0; }

  /// Whether operands are float32 when they are multiplied, whatever the type.
  bool widens() const noexcept { return sizeof(Number) == sizeof(float) || widens_; }
  /// Sums of longer chains are added to each other.
  std::int64_t chain_depth() const noexcept { return widens() ? 256 : 768; }
  /// Words that a packed operand takes, and that add() needs beside it.
  std::int64_t packed_words(std::int64_t columns, std::int64_t depth) const noexcept;
  std::int64_t spare_words(std::int64_t depth) const noexcept;

  /// An operand whose columns are rows here, [columns, depth], or one as it lies, [depth, columns].
  void pack_columns(Rows<const Number> from, std::int64_t columns, std::int64_t depth, float* packed) const;
  void pack_rows(Rows<const Number> from, std::int64_t depth, std::int64_t columns, float* packed) const;

  /// sums [rows, columns] = or += x [rows, depth] times a packed operand. Of the sums whole tiles are
  /// written: there is room for them.
  void add(Rows<const Number> x, std::int64_t rows, std::int64_t depth, const float* packed,
           std::int64_t columns, Rows<float> sums, bool add, float* spare) const;

 private:
  const Level& level_;
  bool widens_;
};

/// How many parts of a size something has, the last perhaps smaller.
constexpr std::int64_t parts_of(std::int64_t all, std::int64_t part) { return (all + part - 1) / part; }
/// A multiple of `step`, from above.
constexpr std::int64_t rounded_up(std::int64_t value, std::int64_t step) {
  return parts_of(value, step) * step;
}

/// Lets go of what a thread's products took of its core.
void leave_products(const Level& level);

}  // namespace ditmill::models::kernels::cpu
