#pragma once

#include <cstdint>

#include "models/kernels/cpu/level.h"

namespace ditmill::models::kernels::cpu {

/// What becomes of the rows of a product, as RowEnd has it.
template <typename Number>
struct Ends {
  const float* bias = nullptr;
  bool gelu = false;
  Rows<Number> out = {};
};

/// x [rows, depth] times weights [columns, depth], transposed, to `ends`. Products are added in float32, in
/// chains of a fixed depth: a number's bits depend on neither threads nor the rows and columns beside it.
template <typename Number>
void multiply(const Level& level, Rows<const Number> x, std::int64_t rows, Rows<const Number> weights,
              std::int64_t columns, std::int64_t depth, const Ends<Number>& ends);

}  // namespace ditmill::models::kernels::cpu
