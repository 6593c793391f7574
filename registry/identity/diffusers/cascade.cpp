#include "registry/identity/diffusers/cascade.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/identity/diffusers/cascade_rules.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {
namespace {

bool asks_size(const KeyCondition& condition) { return condition.asks == KeyCondition::Asks::size; }

/// None of the rules below `nest` holds: what sizes they look for, and what there is.
[[noreturn]] void refuse_sizes(const cascade::CascadeRule& nest, const Checkpoint& checkpoint) {
  const auto first =
      std::ranges::find(cascade::rules, &nest, [](const cascade::CascadeRule& rule) { return &rule; }) + 1;
  const KeyCondition& asked = *std::ranges::find_if(first->when, asks_size);
  std::string sizes;
  for (auto rule = first; rule != cascade::rules.end() && rule->depth > nest.depth; ++rule) {
    if (rule->depth == nest.depth + 1) extend_list(sizes, std::to_string(rule->when.front().number), " or ");
  }
  const std::string name = asked_name(asked, checkpoint);
  throw Error{Category::unknown_model,
              asking_diffusers,
              Where{.file = checkpoint.label, .tensor = name},
              Expected{sizes + " as dimension " + std::to_string(asked.dim) + ", counted from 0"},
              Got{shape_text(checkpoint.shapes.find(name)->shape)},
              diffusers_ends(nest.otherwise)};
}

}  // namespace

std::vector<const DiffusersType*> diffusers_type(const ShapeTable& shapes, const std::string& label,
                                                 const AllZero& reads_all_zero) {
  const Checkpoint checkpoint{shapes, label, reads_all_zero};
  std::vector<const DiffusersType*> types;
  const cascade::CascadeRule* nest = nullptr;
  int depth = 0;
  for (const cascade::CascadeRule& rule : cascade::rules) {
    if (rule.depth > depth) continue;
    if (rule.depth < depth) break;
    const std::optional<bool> held = all_hold(rule.when, checkpoint);
    if (held && !*held) continue;
    if (rule.type.empty()) {
      nest = &rule;
      depth = rule.depth + 1;
      continue;
    }
    types.push_back(diffusers_type_named(rule.type));
    if (held) return types;
  }
  refuse_sizes(*nest, checkpoint);
}

}  // namespace ditmill::registry
