#include "registry/identity/lora.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace ditmill::registry {
namespace {

/// Endings of the two factors of a pair: what comes down to the rank, and what goes up from it.
struct Factors {
  std::string_view down;
  std::string_view up;
};
constexpr std::array<Factors, 7> factors{{{".lora_down.weight", ".lora_up.weight"},
                                          {"_lora.down.weight", "_lora.up.weight"},
                                          {".lora_A.weight", ".lora_B.weight"},
                                          {".lora.down.weight", ".lora.up.weight"},
                                          {".lora_A", ".lora_B"},
                                          {".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"},
                                          {".lora_A.default.weight", ".lora_B.default.weight"}}};
constexpr std::array<std::string_view, 9> prefixes{"base_model.model.", "model.diffusion_model.",
                                                   "diffusion_model.",  "transformer_2.",
                                                   "transformer.",      "pipe.dit.",
                                                   "lora_unet__",       "lora_unet_",
                                                   "lycoris_"};

/// A pair of factors: the weight [out, in] that it changes.
struct Target {
  std::uint64_t out = 0;
  std::uint64_t in = 0;
  std::uint64_t rank = 0;
};
using Targets = std::map<std::string, Target, std::less<>>;

std::string_view without_prefix(std::string_view name) {
  for (const std::string_view prefix : prefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

Targets targets_of(const ShapeTable& shapes) {
  Targets targets;
  for (const NamedShape& down : shapes.tensors()) {
    const auto pair = std::ranges::find_if(
        factors, [&down](const Factors& each) { return down.name.ends_with(each.down); });
    if (pair == factors.end() || down.shape.size() < 2) continue;
    const std::string_view module = down.name.substr(0, down.name.size() - pair->down.size());
    const NamedShape* up = shapes.find(std::string{module} + std::string{pair->up});
    if (up == nullptr || up->shape.size() < 2) continue;
    targets[std::string{without_prefix(module)}] = {
        .out = up->shape[0], .in = down.shape[1], .rank = down.shape[0]};
  }
  return targets;
}

bool any_name(const ShapeTable& shapes, std::string_view part) {
  return std::ranges::any_of(shapes.tensors(), [part](const NamedShape& tensor) {
    return tensor.name.find(part) != std::string_view::npos;
  });
}

bool any_start(const ShapeTable& shapes, std::string_view start) {
  return std::ranges::any_of(shapes.tensors(),
                             [start](const NamedShape& tensor) { return tensor.name.starts_with(start); });
}

std::string style_of(const ShapeTable& shapes) {
  if (any_name(shapes, "hada_w") || any_name(shapes, "lokr_w") || any_start(shapes, "lycoris_"))
    return "lycoris";
  if (any_start(shapes, "lora_unet_")) return "kohya";
  if (any_start(shapes, "base_model.model.")) return "peft";
  if (any_start(shapes, "transformer.") || any_start(shapes, "transformer_2.")) return "diffusers";
  if (any_start(shapes, "diffusion_model.") || any_start(shapes, "model.diffusion_model."))
    return any_name(shapes, ".lora_down.") || any_name(shapes, ".diff") ? "lightx2v" : "comfyui";
  if (any_name(shapes, ".lora_A.default.") || any_start(shapes, "pipe.dit.")) return "diffsynth";
  return "other";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A name with `*` for every number that more of it follows: of blocks, not of a layer in a block.
std::string pattern_of(std::string_view name) {
  std::string pattern;
  for (std::size_t at = 0; at < name.size();) {
    const bool begins = at == 0 || name[at - 1] == '.' || name[at - 1] == '_';
    std::size_t end = at;
    while (begins && end < name.size() && is_digit(name[end])) ++end;
    if (end > at && end < name.size() && (name[end] == '.' || name[end] == '_')) {
      pattern += '*';
      at = end;
    } else {
      pattern += name[at++];
    }
  }
  return pattern;
}

std::string underscored(std::string_view name) {
  std::string text{name};
  std::ranges::replace(text, '.', '_');
  return text;
}

/// Whether a model's weights hold every target, in its shape.
bool fits(const Targets& targets, const std::vector<ExpectedTensor>& tensors) {
  constexpr std::string_view ending = ".weight";
  std::map<std::string, const ExpectedTensor*, std::less<>> weights;
  for (const ExpectedTensor& tensor : tensors) {
    if (!tensor.name.ends_with(ending) || tensor.shape.size() != 2) continue;
    const std::string_view module =
        std::string_view{tensor.name}.substr(0, tensor.name.size() - ending.size());
    weights.emplace(underscored(module), &tensor);
  }
  return std::ranges::all_of(targets, [&weights](const auto& each) {
    const auto found = weights.find(underscored(each.first));
    return found != weights.end() && found->second->shape[0] == each.second.out &&
           found->second->shape[1] == each.second.in;
  });
}

}  // namespace

LoraFacts lora_facts(std::span<const NamedShape> tensors, const Catalog& catalog) {
  const ShapeTable shapes{{tensors.begin(), tensors.end()}};
  const Targets targets = targets_of(shapes);
  LoraFacts facts{.style = style_of(shapes), .ranks = {}, .targets = {}, .bases = {}};
  std::set<std::uint64_t> ranks;
  std::set<std::string> patterns;
  for (const auto& [name, target] : targets) {
    ranks.insert(target.rank);
    patterns.insert(pattern_of(name));
  }
  facts.ranks.assign(ranks.begin(), ranks.end());
  facts.targets.assign(patterns.begin(), patterns.end());
  if (targets.empty()) return facts;
  for (const CatalogEntry& entry : catalog.entries()) {
    const Layout* layout = catalog.layout_of(entry);
    if (layout == nullptr || std::ranges::find(facts.bases, entry.name) != facts.bases.end()) continue;
    const auto expected = expand(*layout, entry.hyper_parameters);
    if (expected && fits(targets, *expected)) facts.bases.push_back(entry.name);
  }
  return facts;
}

}  // namespace ditmill::registry
