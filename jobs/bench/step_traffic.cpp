#include "jobs/bench/step_traffic.h"

#include "dist/comm/tensors.h"
#include "dist/exchange/token_shares.h"

// n: the degree of the axis; S: tokens of this rank; S_row: of its ring place (all ulysses ranks of it);
// e: bytes of an element; heads: of this rank's tp slice. Each is for one pass through one block unless it
// says otherwise. Where heads and tokens divide, a formula is what follows its "=".

namespace ditmill::jobs::bench {
namespace {

using dist::Axis;
using dist::Purpose;
using models::wan::patch_edge;

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
  Formulas(const StepWork& work, const dist::ParallelContext& place)
      : work_(work),
        place_(place),
        shares_(place, work.tokens()),
        tokens_(shares_.mine().size()),
        heads_(place.part(Axis::tp, work.dims.heads).size()),
        own_heads_(dist::share(heads_, place.index(Axis::ulysses), place.degree(Axis::ulysses)).size()) {}

  /// Queries, keys and values give tokens for heads, the result heads for tokens:
  /// 3 S (heads - own heads) width e + (S_row - S) own heads width e = 4 S dim/tp (n - 1)/n e.
  std::int64_t ulysses() const {
    const std::int64_t row = shares_.row_size(place_.index(Axis::ring));
    return (3 * tokens_ * (heads_ - own_heads_) + (row - tokens_) * own_heads_) * width() * work_.element;
  }

  /// Keys and values of all rows but that of the next place, which is the last to come here:
  /// 2 S_row dim/(tp ulysses) (n - 1) e.
  std::int64_t ring() const {
    const int n = place_.degree(Axis::ring);
    std::int64_t rows = 0;
    for (int step = 0; step + 1 < n; ++step)
      rows += shares_.row_size((place_.index(Axis::ring) + n - step) % n);
    return 2 * rows * own_heads_ * width() * work_.element;
  }

  /// The outputs of self-attention, cross-attention and feed-forward, 3 sums of S dim; and in float32 those
  /// of squares for the norms of q and k: S three times and the text's tokens once.
  std::int64_t tensor() const {
    const int n = place_.degree(Axis::tp);
    const auto sum = [&](std::int64_t elements, std::int64_t element) {
      return sum_bytes(elements, element, place_.index(Axis::tp), n);
    };
    return n == 1 ? 0
                  : 3 * sum(tokens_ * work_.dims.dim, work_.element) + 3 * sum(tokens_, sizeof(float)) +
                        sum(models::wan::text_tokens, sizeof(float));
  }

  /// A pass: the tokens' patches to all ranks of the sequence, on the last stage: S 4 channels (n - 1) e.
  std::int64_t sequence() const {
    const int n = place_.size(dist::Team::sequence);
    return is_last() ? tokens_ * patch_edge * patch_edge * work_.dims.out_channels * work_.element * (n - 1)
                     : 0;
  }

  /// A pass: S dim e to the next stage.
  std::int64_t activations() const { return is_last() ? 0 : tokens_ * work_.dims.dim * work_.element; }
  /// A clip's step: the new latents in float32, from the last stage to the first.
  std::int64_t latents() const {
    return stages() > 1 && is_last() ? latent_elements() * std::int64_t{sizeof(float)} : 0;
  }
  /// A clip's step: the predicted flow to the other half, on the last stage.
  std::int64_t guidance() const {
    return place_.degree(Axis::cfg) > 1 && is_last() ? latent_elements() * work_.element : 0;
  }

  std::int64_t blocks() const { return place_.part(Axis::pp, work_.dims.layers).size(); }

 private:
  std::int64_t width() const { return work_.dims.head_dim; }
  int stages() const { return place_.degree(Axis::pp); }
  bool is_last() const { return place_.index(Axis::pp) == stages() - 1; }
  std::int64_t latent_elements() const {
    return work_.latent[0] * work_.latent[1] * work_.latent[2] * work_.latent[3];
  }

  const StepWork& work_;
  const dist::ParallelContext& place_;
  dist::TokenShares shares_;
  std::int64_t tokens_;
  std::int64_t heads_;
  std::int64_t own_heads_;
};

}  // namespace

std::int64_t StepWork::tokens() const noexcept {
  return latent[1] * (latent[2] / patch_edge) * (latent[3] / patch_edge);
}

std::map<dist::Purpose, std::uint64_t> bytes_a_step(const StepWork& work, const dist::ParallelContext& place,
                                                    std::uint64_t block_bytes) {
  const Formulas of(work, place);
  const std::int64_t passes = std::int64_t{work.clips} * work.passes(place.degree(Axis::cfg));
  const int shards = place.size(dist::Team::parameters);
  // This rank's shard of every block to the n - 1 others, in every pass: block bytes (n - 1)/n.
  const std::int64_t parameters =
      work.shards_blocks ? passes * static_cast<std::int64_t>(block_bytes) / shards * (shards - 1) : 0;

  std::map<dist::Purpose, std::uint64_t> bytes;
  const auto add = [&bytes](Purpose why, std::int64_t value) {
    if (value > 0) bytes[why] = static_cast<std::uint64_t>(value);
  };
  add(Purpose::ulysses, passes * of.blocks() * of.ulysses());
  add(Purpose::ring, passes * of.blocks() * of.ring());
  add(Purpose::tensor, passes * of.blocks() * of.tensor());
  add(Purpose::parameters, parameters);
  add(Purpose::sequence, passes * of.sequence());
  add(Purpose::stages, passes * of.activations() + work.clips * of.latents());
  add(Purpose::guidance, work.clips * of.guidance());
  return bytes;
}

}  // namespace ditmill::jobs::bench
