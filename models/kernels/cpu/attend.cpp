#include "models/kernels/cpu/attend.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "models/kernels/cpu/products.h"
#include "models/kernels/cpu/share_out.h"

namespace ditmill::models::kernels::cpu {
namespace {

/// Queries and keys that are looked at together. How many keys, the bits depend on.
struct Block {
  std::int64_t queries, keys;
};
constexpr Block block_of_tiles{.queries = 96, .keys = 256};
constexpr Block block_of_amx{.queries = 256, .keys = 512};
constexpr std::int64_t most_queries = std::max(block_of_tiles.queries, block_of_amx.queries);

/// Attention of one shape. `Weight`: what the softmax gives, as it is multiplied with values.
template <typename Number, typename Weight>
class Attention {
 public:
  Attention(const Level& level, const AttentionSizes& sizes, Heads<const Number> query,
            Heads<const Number> key, Heads<const Number> value, Heads<Number> out, float* lse)
      : level_(level),
        block_(level.products == Bfloat16::tiles && sizeof(Weight) != sizeof(float) ? block_of_amx
                                                                                    : block_of_tiles),
        scores_(level, sizes.width),
        sums_(level),
        sizes_(sizes),
        query_(query),
        key_(key),
        value_(value),
        out_(out),
        lse_(lse),
        scale_(static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(sizes.width)))),
        width_(rounded_up(sizes.width, level.tile_columns)),
        key_blocks_(parts_of(sizes.keys, block_.keys)),
        query_blocks_(parts_of(sizes.queries, block_.queries)),
        of_keys_(scores_.packed_words(block_.keys, sizes.width)),
        of_values_(sums_.packed_words(sizes.width, block_.keys)) {}

  /// Heads in groups: keys and values of a group are packed once, for all of its queries.
  void run() {
    const std::int64_t group = threads_for(sizes_.heads);
    const std::int64_t of_head = key_blocks_ * (of_keys_ + of_values_);
    const std::int64_t of_thread =
        block_.queries * (2 * block_.keys + width_) +
        std::max(scores_.spare_words(sizes_.width), sums_.spare_words(block_.keys));
    const at::Tensor packed = at::empty({group * of_head}, at::kFloat);
    const at::Tensor memory = at::empty({threads_for(group * query_blocks_) * of_thread}, at::kFloat);
    float* const heads = packed.mutable_data_ptr<float>();
    float* const rooms = memory.mutable_data_ptr<float>();
    for (std::int64_t first = 0; first < sizes_.heads; first += group) {
      const std::int64_t here = std::min(group, sizes_.heads - first);
      share_out(here * key_blocks_, [&](std::int64_t task, int /*thread*/) {
        pack(first + task % here, task / here, heads + task % here * of_head);
      });
      share_out(here * query_blocks_, [&](std::int64_t task, int thread) {
        attend(first + task % here, task / here * block_.queries, heads + task % here * of_head,
               rooms + thread * of_thread);
        leave_products(level_);
      });
    }
  }

 private:
  std::int64_t keys_of(std::int64_t block) const {
    return std::min(block_.keys, sizes_.keys - block * block_.keys);
  }

  void pack(std::int64_t head, std::int64_t block, float* packed) const {
    const std::int64_t first = block * block_.keys;
    float* const keys = packed + block * (of_keys_ + of_values_);
    scores_.pack_columns({key_.at(head, first), key_.stride}, keys_of(block), sizes_.width, keys);
    const Rows<const Number> values{value_.at(head, first), value_.stride};
    if constexpr (sizeof(Number) == sizeof(Weight)) {
      sums_.pack_rows(values, keys_of(block), sizes_.width, keys + of_keys_);
    } else {
      level_.of<Number>().pack_as_rows(values.data, values.stride, keys_of(block), sizes_.width,
                                       keys + of_keys_);
    }
  }

  void attend(std::int64_t head, std::int64_t first, const float* packed, float* room) const {
    const std::int64_t rows = std::min(block_.queries, sizes_.queries - first);
    const Rows<float> scores{room, block_.keys};
    const Rows<float> sums{scores[block_.queries], width_};
    float* const weight_words = sums[block_.queries];
    const Rows<Weight> weights{reinterpret_cast<Weight*>(weight_words), block_.keys};
    float* const spare = weight_words + block_.queries * block_.keys;
    std::array<SoftRow, most_queries> soft;
    for (std::int64_t block = 0; block < key_blocks_; ++block) {
      const float* const keys = packed + block * (of_keys_ + of_values_);
      const std::int64_t count = keys_of(block);
      scores_.add({query_.at(head, first), query_.stride}, rows, sizes_.width, keys, count, scores, false,
                  spare);
      for (std::int64_t row = 0; row < rows; ++row) {
        const float shrink =
            level_.of<Weight>().soften_row(scores[row], count, scale_, soft[row], weights[row]);
        if (count % 2 != 0) weights[row][count] = 0;  // the pair of the last
        if (block > 0 && shrink != 1) level_.multiply_row(sums[row], width_, shrink);
      }
      sums_.add({weights.data, weights.stride}, rows, count, keys + of_keys_, sizes_.width, sums, block > 0,
                spare);
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      level_.of<Number>().divide_row(sums[row], sizes_.width, soft[row].sum, out_.at(head, first + row));
      if (lse_ != nullptr) {
        lse_[head * sizes_.queries + first + row] = static_cast<float>(
            (soft[row].most + std::log2(static_cast<double>(soft[row].sum))) * std::numbers::ln2);
      }
    }
  }

  const Level& level_;
  Block block_;
  Products<Number> scores_;
  Products<Weight> sums_;
  AttentionSizes sizes_;
  Heads<const Number> query_, key_, value_;
  Heads<Number> out_;
  float* lse_;
  float scale_;  ///< of scores, to powers of two
  std::int64_t width_;
  std::int64_t key_blocks_, query_blocks_;
  std::int64_t of_keys_, of_values_;  ///< words that a block of them takes, packed
};

}  // namespace

template <typename Number>
void attend(const Level& level, const AttentionSizes& sizes, Heads<const Number> query,
            Heads<const Number> key, Heads<const Number> value, Heads<Number> out, float* lse) {
  if constexpr (sizeof(Number) != sizeof(float)) {
    if (!Products<Number>(level, sizes.width).widens())
      return Attention<Number, Number>(level, sizes, query, key, value, out, lse).run();
  }
  Attention<Number, float>(level, sizes, query, key, value, out, lse).run();
}

template void attend(const Level&, const AttentionSizes&, Heads<const float>, Heads<const float>,
                     Heads<const float>, Heads<float>, float*);
template void attend(const Level&, const AttentionSizes&, Heads<const std::uint16_t>,
                     Heads<const std::uint16_t>, Heads<const std::uint16_t>, Heads<std::uint16_t>, float*);

}  // namespace ditmill::models::kernels::cpu
