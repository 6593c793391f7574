#include "registry/identity/weight_listing.h"

#include <algorithm>
#include <array>
#include <optional>

#include "registry/formats/shard_index.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view index_suffix = ".safetensors.index.json";
constexpr std::string_view file_suffix = ".safetensors";
constexpr std::array<std::string_view, 2> stems{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 4> torch_suffixes{".bin", ".pt", ".pth", ".ckpt"};

bool ends_with_any(std::string_view name, std::span<const std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [name](std::string_view suffix) { return name.ends_with(suffix); });
}

std::string without(std::string_view suffix, const std::string& name) {
  return name.substr(0, name.size() - suffix.size());
}

}  // namespace

WeightListing list_weights(const std::string& folder) {
  WeightListing listing;
  for (const std::string& name : names_in(folder)) {
    if (name.ends_with(side_suffix)) continue;
    if (name.ends_with(index_suffix)) {
      listing.indices.push_back(name);
    } else if (name.ends_with(file_suffix)) {
      const std::optional<ShardName> shard = parse_shard_name(name);
      (shard ? listing.shards[{shard->stem, shard->count}] : listing.singles).push_back(name);
    } else if (is_training_name(name)) {
      continue;
    } else if (is_foreign_name(name)) {
      listing.others.push_back(name);
    } else if (ends_with_any(name, torch_suffixes)) {
      listing.torch.push_back(name);
    }
  }
  return listing;
}

std::string index_stem(const std::string& name) { return without(index_suffix, name); }

std::string file_stem(const std::string& name) { return without(file_suffix, name); }

std::span<const std::string_view> usual_stems() noexcept { return stems; }

bool is_shard_index(std::string_view path) { return path.ends_with(index_suffix); }

bool is_weight_name(std::string_view path) {
  return path.ends_with(file_suffix) || ends_with_any(path, torch_suffixes);
}

bool holds_weights(const std::string& folder) {
  const WeightListing listing = list_weights(folder);
  return !listing.indices.empty() || !listing.singles.empty() || !listing.shards.empty() ||
         !listing.torch.empty();
}

bool holds_pth(const std::string& folder) {
  return std::ranges::any_of(list_weights(folder).torch,
                             [](const std::string& name) { return name.ends_with(".pth"); });
}

}  // namespace ditmill::registry
