#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ditmill::registry {

/// What a `*.safetensors.index.json` says.
struct ShardIndex {
  std::vector<std::string> files;  ///< names of the shards, in order of their names
  std::vector<std::pair<std::string, std::uint32_t>> tensors;  ///< tensor name and its shard, ordered by name
  std::string total_size;  ///< the text of `metadata.total_size`; may be empty
};

/// Parses an index strictly: shards are names of files in the same folder. `file` names it in messages.
/// Throws Error(bad_input) with the offset.
ShardIndex parse_shard_index(std::string_view text, const std::string& file);

/// The parts of a name `model-00001-of-00003.safetensors`.
struct ShardName {
  std::string stem;  ///< "model"
  std::uint64_t number = 0;
  std::uint64_t count = 0;

  bool operator==(const ShardName&) const = default;
};

/// The parts of a shard's file name, or nothing if it is none.
std::optional<ShardName> parse_shard_name(std::string_view file_name);

}  // namespace ditmill::registry
