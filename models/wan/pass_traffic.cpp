#include "models/wan/pass_traffic.h"

#include "dist/comm/tensors.h"

// n: the degree of the axis; S: tokens of this rank; S_row: of its ring place (all ulysses ranks of it);
// e: bytes of an element; heads: of this rank's tp slice. Each is for one pass through one block unless it
// says otherwise. Where heads and tokens divide, a formula is what follows its "=".

namespace ditmill::models::wan {
namespace {

using dist::Axis;
using dist::Purpose;

/// A sum over n ranks of so many elements, from a rank: all slices but its own, then its own to n - 1 ranks
/// = 2 (n - 1)/n elements e; small ones whole to n - 1 ranks.
std::int64_t sum_bytes(std::int64_t elements, std::int64_t element, int place, int n) {
  if (elements * element <= std::int64_t{dist::travels_whole} || elements < n)
    return elements * element * (n - 1);
  const std::int64_t own = dist::share(elements, place, n).size();
  return (elements - own) * element + own * element * (n - 1);
}

class Formulas {
 public:
  Formulas(const Dims& dims, const dist::ParallelContext& place, const dist::TokenShares& shares,
           std::int64_t element)
      : dims_(dims),
        place_(place),
        shares_(shares),
        element_(element),
        tokens_(shares_.mine().size()),
        heads_(place.part(Axis::tp, dims.heads).size()),
        own_heads_(dist::share(heads_, place.index(Axis::ulysses), place.degree(Axis::ulysses)).size()) {}

  /// Queries, keys and values give tokens for heads, the result heads for tokens:
  /// 3 S (heads - own heads) width e + (S_row - S) own heads width e = 4 S dim/tp (n - 1)/n e.
  std::int64_t ulysses() const {
    const std::int64_t row = shares_.row_size(place_.index(Axis::ring));
    return (3 * tokens_ * (heads_ - own_heads_) + (row - tokens_) * own_heads_) * width() * element_;
  }

  /// Keys and values of all rows but that of the next place, which is the last to come here:
  /// 2 S_row dim/(tp ulysses) (n - 1) e.
  std::int64_t ring() const {
    const int n = place_.degree(Axis::ring);
    std::int64_t rows = 0;
    for (int step = 0; step + 1 < n; ++step)
      rows += shares_.row_size((place_.index(Axis::ring) + n - step) % n);
    return 2 * rows * own_heads_ * width() * element_;
  }

  /// The outputs of self-attention, cross-attention and feed-forward, 3 sums of S dim; and in float32 those
  /// of squares for the norms of q and k: S three times, and the tokens of texts and of pictures once.
  std::int64_t tensor() const {
    const int n = place_.degree(Axis::tp);
    const auto sum = [&](std::int64_t elements, std::int64_t element) {
      return sum_bytes(elements, element, place_.index(Axis::tp), n);
    };
    return n == 1 ? 0
                  : 3 * sum(tokens_ * dims_.dim, element_) + 3 * sum(tokens_, sizeof(float)) +
                        sum(text_tokens, sizeof(float)) + sum(image_tokens_of(dims_), sizeof(float));
  }

  /// A pass: the tokens' patches to all ranks of the sequence, on the last stage: S 4 channels (n - 1) e.
  std::int64_t sequence() const {
    const int n = place_.size(dist::Team::sequence);
    return is_last() ? tokens_ * patch_edge * patch_edge * dims_.out_channels * element_ * (n - 1) : 0;
  }

  std::int64_t blocks() const { return place_.part(Axis::pp, dims_.layers).size(); }

 private:
  std::int64_t width() const { return dims_.head_dim; }
  bool is_last() const { return place_.index(Axis::pp) == place_.degree(Axis::pp) - 1; }

  const Dims& dims_;
  const dist::ParallelContext& place_;
  const dist::TokenShares& shares_;
  std::int64_t element_;
  std::int64_t tokens_;
  std::int64_t heads_;
  std::int64_t own_heads_;
};

}  // namespace

std::map<Purpose, std::uint64_t> pass_traffic(const Dims& dims, const dist::ParallelContext& place,
                                              const dist::TokenShares& shares, std::int64_t element) {
  const Formulas of(dims, place, shares, element);
  std::map<Purpose, std::uint64_t> bytes;
  const auto add = [&bytes](Purpose why, std::int64_t value) {
    if (value > 0) bytes[why] = static_cast<std::uint64_t>(value);
  };
  add(Purpose::ulysses, of.blocks() * of.ulysses());
  add(Purpose::ring, of.blocks() * of.ring());
  add(Purpose::tensor, of.blocks() * of.tensor());
  add(Purpose::sequence, of.sequence());
  return bytes;
}

}  // namespace ditmill::models::wan
