#include "dist/plan/shard_rule.h"

#include <algorithm>

namespace ditmill::dist {

Range tp_range(const ShardRule& rule, std::int64_t total, int index, int degree) noexcept {
  if (rule.dim == ShardRule::whole) return {0, total};
  const Range units = share((total + rule.unit - 1) / rule.unit, index, degree);
  return {std::min(units.begin * rule.unit, total), std::min(units.end * rule.unit, total)};
}

Range stage_layers(std::int64_t layers, int stage, int stages) noexcept {
  return share(layers, stage, stages);
}

}  // namespace ditmill::dist
