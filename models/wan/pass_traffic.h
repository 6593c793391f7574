#pragma once

#include <cstdint>
#include <map>

#include "dist/exchange/token_shares.h"
#include "dist/parallel_context.h"
#include "models/wan/dims.h"

namespace ditmill::models::wan {

/// Bytes that a rank gives in one pass through its stage, by purpose, as the exchanges of the layers ask for
/// them. `shares`: the tokens of each rank of the sequence; `element`: bytes of an activation's element.
std::map<dist::Purpose, std::uint64_t> pass_traffic(const Dims& dims, const dist::ParallelContext& place,
                                                    const dist::TokenShares& shares, std::int64_t element);

}  // namespace ditmill::models::wan
