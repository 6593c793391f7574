#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace ditmill::models::wan {

/// What the timestep says to blocks and head: of all tokens the same or, where a clip's first frame is given
/// (TI2V: its tokens are at timestep 0), of the first tokens another.
struct Modulation {
  at::Tensor rows;                ///< [batch, ...]
  at::Tensor still = {};          ///< of the given frame's tokens; undefined: there is none
  std::int64_t still_tokens = 0;  ///< of this rank's, the first ones

  /// The same of what `op` makes of the rows.
  template <typename Op>
  Modulation with(const Op& op) const {
    return {op(rows), still.defined() ? op(still) : at::Tensor{}, still_tokens};
  }
  /// op(x, rows) of x [batch, tokens, dim], of each token with the rows that are its own.
  template <typename Op>
  at::Tensor over(const at::Tensor& x, const Op& op) const {
    return over(x, x, [&](const at::Tensor& part, const at::Tensor&, const at::Tensor& of_part) {
      return op(part, of_part);
    });
  }
  /// op(x, y, rows) of the same tokens of both.
  template <typename Op>
  at::Tensor over(const at::Tensor& x, const at::Tensor& y, const Op& op) const {
    if (!still.defined() || still_tokens == 0) return op(x, y, rows);
    const std::int64_t others = x.size(1) - still_tokens;
    if (others == 0) return op(x, y, still);
    return at::cat({op(x.narrow(1, 0, still_tokens), y.narrow(1, 0, still_tokens), still),
                    op(x.narrow(1, still_tokens, others), y.narrow(1, still_tokens, others), rows)},
                   1);
  }
};

}  // namespace ditmill::models::wan
