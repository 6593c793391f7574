#include "models/kernels/cpu/multiply.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/kernels/cpu/products.h"
#include "models/kernels/cpu/share_out.h"

namespace ditmill::models::kernels::cpu {
namespace {

// What stays in a core's second cache beside what streams through: a chain's weights of so many columns, and
// the sums of so many rows.
constexpr std::int64_t block_columns = 256;
constexpr std::int64_t most_block_rows = 480;

}  // namespace

template <typename Number>
void multiply(const Level& level, Rows<const Number> x, std::int64_t rows, Rows<const Number> weights,
              std::int64_t columns, std::int64_t depth, const Ends<Number>& ends) {
  const Products<Number> products(level, depth);
  const std::int64_t row_blocks = parts_of(rows, most_block_rows);
  const std::int64_t block_rows = rounded_up(parts_of(rows, row_blocks), level.tile_rows);
  const std::int64_t tasks = row_blocks * parts_of(columns, block_columns);

  const std::int64_t of_weights = products.packed_words(block_columns, products.chain_depth());
  const std::int64_t of_sums = block_rows * block_columns;
  const std::int64_t of_thread = of_weights + of_sums + products.spare_words(products.chain_depth());
  const at::Tensor memory = at::empty({threads_for(tasks) * of_thread}, at::kFloat);
  float* const rooms = memory.mutable_data_ptr<float>();

  share_out(tasks, [&](std::int64_t task, int thread) {
    float* const packed = rooms + thread * of_thread;
    const Rows<float> sums{packed + of_weights, block_columns};
    float* const spare = sums.data + of_sums;
    const std::int64_t row = task % row_blocks * block_rows;
    const std::int64_t rows_here = std::min(block_rows, rows - row);
    const std::int64_t column = task / row_blocks * block_columns;
    const std::int64_t columns_here = std::min(block_columns, columns - column);
    for (std::int64_t from = 0; from < depth; from += products.chain_depth()) {
      const std::int64_t chain = std::min(products.chain_depth(), depth - from);
      products.pack_columns({weights[column] + from, weights.stride}, columns_here, chain, packed);
      products.add({x[row] + from, x.stride}, rows_here, chain, packed, columns_here, sums, from > 0, spare);
    }
    leave_products(level);
    for (std::int64_t i = 0; i < rows_here; ++i) {
      level.of<Number>().end_row(sums[i], columns_here,
                                 {.bias = ends.bias == nullptr ? nullptr : ends.bias + column,
                                  .gelu = ends.gelu,
                                  .out = ends.out[row + i] + column});
    }
  });
}

template void multiply(const Level&, Rows<const float>, std::int64_t, Rows<const float>, std::int64_t,
                       std::int64_t, const Ends<float>&);
template void multiply(const Level&, Rows<const std::uint16_t>, std::int64_t, Rows<const std::uint16_t>,
                       std::int64_t, std::int64_t, const Ends<std::uint16_t>&);

}  // namespace ditmill::models::kernels::cpu
