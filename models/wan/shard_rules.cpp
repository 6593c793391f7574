#include "models/wan/shard_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace ditmill::models::wan {
namespace {

using dist::ShardRule;
using dist::Stages;

/// The block that a tensor belongs to, and its name within it.
std::optional<std::pair<std::int64_t, std::string_view>> in_block(std::string_view tensor) {
  constexpr std::string_view prefix = "blocks.";
  if (!tensor.starts_with(prefix)) return {};
  const char* const end = tensor.data() + tensor.size();
  std::int64_t layer = 0;
  const auto parsed = std::from_chars(tensor.data() + prefix.size(), end, layer);
  if (parsed.ec != std::errc{} || parsed.ptr == end || *parsed.ptr != '.') return {};
  return std::pair{layer, std::string_view(parsed.ptr + 1, static_cast<std::size_t>(end - parsed.ptr) - 1)};
}

/// What tp cuts of a block's tensor: the outputs of the projections that go in, the inputs of those that come
/// out.
void cut(ShardRule& rule, std::string_view name, std::int64_t head_dim) {
  for (const std::string_view attention : {"attn1.", "attn2."}) {
    if (!name.starts_with(attention)) continue;
    constexpr std::array<std::string_view, 8> by_head{"to_q.weight",   "to_q.bias",    "to_k.weight",
                                                      "to_k.bias",     "to_v.weight",  "to_v.bias",
                                                      "norm_q.weight", "norm_k.weight"};
    const std::string_view rest = name.substr(attention.size());
    if (std::ranges::find(by_head, rest) != by_head.end()) {
      rule.dim = 0;
      rule.unit = head_dim;
    } else if (rest == "to_out.0.weight") {
      rule.dim = 1;
      rule.unit = head_dim;
    }
  }
  if (name == "ffn.net.0.proj.weight" || name == "ffn.net.0.proj.bias") rule.dim = 0;
  if (name == "ffn.net.2.weight") rule.dim = 1;
}

}  // namespace

ShardRule dit_rule(const Dims& dims, std::string_view tensor) {
  ShardRule rule;
  if (const auto place = in_block(tensor)) {
    rule.stages = Stages::of_layer;
    rule.layer = place->first;
    cut(rule, place->second, dims.head_dim);
  } else if (tensor.starts_with("patch_embedding.")) {
    rule.stages = Stages::first;
  } else if (tensor.starts_with("proj_out.") || tensor == "scale_shift_table") {
    rule.stages = Stages::last;
  }
  return rule;
}

}  // namespace ditmill::models::wan
