#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ditmill::registry {

/// Names in a folder that could hold weights, by what they are.
struct WeightListing {
  std::vector<std::string> indices;
  std::vector<std::string> singles;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<std::string>> shards;  // by stem and count
  std::vector<std::string> torch;
  std::vector<std::string> others;  ///< of kinds that are not read
};

/// What the name of a file ends in that `weights convert` leaves beside weights, for the way back: no weights
/// of a model.
inline constexpr std::string_view side_suffix = ".side.safetensors";

/// Lists a folder; what is hidden, and what training and conversions leave beside the weights, is not in it.
/// Throws Error(io).
WeightListing list_weights(const std::string& folder);

/// The name without `.safetensors.index.json`, or `.safetensors`.
std::string index_stem(const std::string& name);
std::string file_stem(const std::string& name);
/// What diffusers and transformers call the weights of a component: preferred where there are several.
std::span<const std::string_view> usual_stems() noexcept;

/// Whether a path is that of an index, or of a file that could hold weights, by its name.
bool is_shard_index(std::string_view path);
bool is_weight_name(std::string_view path);
/// Whether a folder directly holds weight files or an index of them.
bool holds_weights(const std::string& folder);
/// Whether a folder directly holds checkpoints of torch named `.pth`.
bool holds_pth(const std::string& folder);

}  // namespace ditmill::registry
